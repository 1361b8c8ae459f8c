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
    const page = await browser.newPage({ baseURL: `http://127.0.0.1:${uiPort}`, viewport: { width: 1280, height: 800 } });
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
  await page.screenshot({ path: join(images, 'start-form.png') });
  await page.getByRole('button', { name: 'Start Workflow' }).click();
  await page.waitForURL((url) => !url.pathname.endsWith('start-workflow'));
}

async function showRun(page: Page, run: string): Promise<void> {
  await page.goto(run);
  await page.getByText('Completed', { exact: true }).first().waitFor({ timeout: 60_000 });
  await page.screenshot({ path: join(images, 'build.png') });
  await page.getByRole('link', { name: 'User Metadata' }).click();
  await page.getByText('runGuest').first().waitFor();
  await page.screenshot({ path: join(images, 'details.png') });
}

async function showRecords(page: Page, workflows: string): Promise<void> {
  const query = "WorkflowType IN ('instance', 'host', 'image', 'network')";
  await page.goto(`${workflows}?${new URLSearchParams({ query })}`);
  await page.getByText('host/cn1').first().waitFor();
  await page.screenshot({ path: join(images, 'records.png') });
}

await main();
