import { randomUUID } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { chromium, type Page } from 'playwright-core';
import { readDevServerConfig } from '../scripts/dev-server/config.ts';

const images = join(import.meta.dirname, 'images');
const checkout = join(import.meta.dirname, '..');

/** What the UI's form is filled with. */
const request = { name: 'web1', flavor: 'lab.tiny', image: 'tiny' };

/**
 * Takes the README's pictures in a cloud that `npm run dev` keeps up: builds an instance by the form of Temporal's UI, as a
 * person does, then shows its run and the records. Chromium is the system's.
 */
async function main(): Promise<void> {
  const { browser: executablePath } = parseArgs({ options: { browser: { type: 'string', default: '/usr/bin/chromium' } } }).values;
  const { uiPort, namespace } = await readDevServerConfig(join(checkout, 'temporal-dev.yaml'));
  await mkdir(images, { recursive: true });
  // Chromium has no sandbox for root, and sees nothing here but our own UI.
  const browser = await chromium.launch({ executablePath, args: ['--no-sandbox'] });
  try {
    const page = await browser.newPage({ baseURL: `http://127.0.0.1:${uiPort}`, viewport: { width: 1280, height: 1180 } });
    const workflows = `/namespaces/${namespace}/workflows`;
    const workflowId = `build/${request.name}/${randomUUID().slice(0, 8)}`;
    await startByForm(page, workflows, workflowId);
    await showRun(page, `${workflows}/${encodeURIComponent(workflowId)}`);
    await showRecords(page, workflows);
  } finally {
    await browser.close();
  }
}

async function startByForm(page: Page, workflows: string, workflowId: string): Promise<void> {
  await page.goto(`${workflows}/start-workflow`);
  await page.locator('#workflowId').fill(workflowId);
  await page.locator('#taskQueue').fill('novaflow');
  await page.locator('#workflowType').fill('buildInstance');
  await page.locator('.cm-content').first().fill(JSON.stringify(request));
  // Leaving the editor formats it and moves the button; a click before that misses.
  await page.locator('#workflowType').focus();
  await page.getByText('Task Queue is Active').waitFor();
  await page.screenshot({ path: join(images, 'start-form.png'), clip: top(960) });
  await page.getByRole('button', { name: 'Start Workflow' }).click();
  await page.getByText('Workflow started successfully').waitFor();
}

async function showRun(page: Page, run: string): Promise<void> {
  await page.goto(run);
  await page.getByText('Completed', { exact: true }).first().waitFor({ timeout: 60_000 });
  await page.screenshot({ path: join(images, 'build.png') });
}

async function showRecords(page: Page, workflows: string): Promise<void> {
  const query = "ExecutionStatus = 'Running' AND WorkflowType IN ('instance', 'host', 'image', 'network')";
  await page.goto(`${workflows}?${new URLSearchParams({ query })}`);
  await page.getByText('host/cn1').first().waitFor();
  await page.screenshot({ path: join(images, 'records.png'), clip: top(760) });
}

/** The upper part of the page, down to `height` pixels. */
function top(height: number): { x: number; y: number; width: number; height: number } {
  return { x: 0, y: 0, width: 1280, height };
}

await main();
