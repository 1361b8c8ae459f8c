import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { appendFile, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { CancelledFailure } from '@temporalio/common';
import { describe, expect, test } from 'vitest';
import { type DownloadPolicy, downloadWithChecksum } from '../../../src/activities/import/from-https.ts';
import { reachability } from '../../../src/activities/import/reachable.ts';
import { type Progress, progressHolder } from '../../../src/activities/progress.ts';
import { activityContext, inActivity, ownDirectory } from '../surroundings.ts';
import { type Answer, breakingAfter, type ImageServer, imageServer, serving } from './image-server.ts';

const MiB = 1024 ** 2;
/** So many MiB, each of them another. */
const contentOf = (mebibytes: number) => Buffer.concat(Array.from({ length: mebibytes }, (_, index) => Buffer.alloc(MiB, `${index} `)));
const checksum = (file: Buffer) => `sha256:${createHash('sha256').update(file).digest('hex')}`;
const content = contentOf(5);
const whole = { sizeBytes: content.length, checksum: checksum(content) };

interface World extends ImageServer {
  readonly path: string;
  readonly fetch: (policy?: Partial<DownloadPolicy>, url?: string) => ReturnType<typeof downloadWithChecksum>;
}

async function world(answer: Answer): Promise<World> {
  const directory = await ownDirectory();
  const server = await imageServer(directory, answer);
  const path = join(directory, 'image.part');
  const usual: DownloadPolicy = {
    extraCa: readFileSync(server.caFile, 'utf8'),
    mayReach: reachability(['127.0.0.0/8']),
    silenceSeconds: 20,
    maxBytes: 100 * MiB,
    pauseMs: 5,
  };
  const fetch: World['fetch'] = (policy = {}, url = server.url) =>
    inActivity(() => downloadWithChecksum(url, path, { ...usual, ...policy }));
  return { ...server, path, fetch };
}

describe('a file that is fetched', () => {
  test('is what it was, with its checksum, and tells how far it is', async () => {
    const { fetch, path, asked } = await world(serving(content));
    const told: Progress[] = [];
    const teller = {
      get current() {
        return told.at(-1) ?? null;
      },
      set current(progress: Progress | null) {
        if (progress !== null) told.push(progress);
      },
    };
    expect(await progressHolder.run(teller, () => fetch())).toStrictEqual(whole);
    expect((await readFile(path)).equals(content)).toBe(true);
    expect(asked).toStrictEqual(['0-']);
    expect(told.at(-1)).toStrictEqual({ step: 'import', doneBytes: content.length, totalBytes: content.length });
    expect(told.length).toBeGreaterThan(3);
  });

  test('may come without its length', async () => {
    const { fetch } = await world((_, answer) => answer.end(content.subarray(0, 3 * MiB)));
    expect(await fetch()).toMatchObject({ sizeBytes: 3 * MiB });
  });

  test('may be empty', async () => {
    const { fetch } = await world(serving(Buffer.alloc(0)));
    expect(await fetch()).toMatchObject({ sizeBytes: 0 });
  });

  test('may be redirected to', async () => {
    const { fetch, url, asked } = await world((request, answer) => {
      if (request.url?.endsWith('/real') === true) return serving(content)(request, answer);
      return answer.writeHead(302, { location: '/real' }).end();
    });
    expect(await fetch({}, url)).toStrictEqual(whole);
    expect(asked).toStrictEqual(['0-', '0-']);
  });

  test('goes on where a connection broke, as often as that happens', async () => {
    const { fetch, path, asked } = await world(breakingAfter(content, 2 * MiB));
    expect(await fetch()).toStrictEqual(whole);
    expect((await readFile(path)).equals(content)).toBe(true);
    expect(asked.length).toBeGreaterThanOrEqual(3);
    expect(asked.slice(1).every((range) => range !== '0-')).toBe(true);
  });

  test('that changed meanwhile is fetched from its beginning', async () => {
    const changed = Buffer.from(content).reverse();
    const { fetch, path, answerBy, asked } = await world((request, answer) => {
      answerBy(serving(changed, '"2"'));
      breakingAfter(content, 2 * MiB)(request, answer);
    });
    expect(await fetch()).toMatchObject({ sizeBytes: content.length });
    expect((await readFile(path)).equals(changed)).toBe(true);
    expect(asked).toHaveLength(2);
  });

  test('that changed is fetched from its beginning though the server ignores If-Range', async () => {
    const changed = Buffer.from(content).reverse();
    const ignoring: Answer = (request, answer) => {
      const from = Number(/\d+/.exec(request.headers.range ?? '0')?.[0]);
      const range = { 'content-range': `bytes ${from}-${changed.length - 1}/${changed.length}` };
      answer.writeHead(from === 0 ? 200 : 206, { etag: '"2"', ...(from === 0 ? {} : range) });
      answer.end(changed.subarray(from));
    };
    const { fetch, path, answerBy } = await world((request, answer) => {
      answerBy(ignoring);
      breakingAfter(content, 2 * MiB)(request, answer);
    });
    await fetch();
    expect((await readFile(path)).equals(changed)).toBe(true);
  });

  test('from a server that knows no parts is fetched from its beginning', async () => {
    const { fetch, answerBy, asked } = await world((_, answer) => {
      answerBy((_request, second) => second.end(content));
      answer.writeHead(200, { 'content-length': content.length });
      answer.write(content.subarray(0, 2 * MiB), () => answer.socket?.destroy());
    });
    expect(await fetch()).toStrictEqual(whole);
    expect(asked).toStrictEqual(['0-', '0-']);
  });
});

describe('what an earlier attempt left', () => {
  /** More than is noted at once. */
  const large = contentOf(20);
  const all = { sizeBytes: large.length, checksum: checksum(large) };

  /** Fetches until 18 MiB are there, then the attempt dies. */
  async function left(): Promise<World> {
    const made = await world(serving(large));
    made.answerBy((request, answer) => {
      made.answerBy((_, second) => second.writeHead(404).end());
      breakingAfter(large, 18 * MiB)(request, answer);
    });
    await expect(made.fetch()).rejects.toMatchObject({ type: 'InvalidRequest' });
    return made;
  }

  test('is gone on with', async () => {
    const { fetch, path, answerBy, asked } = await left();
    answerBy(serving(large));
    expect(await fetch()).toStrictEqual(all);
    expect((await readFile(path)).equals(large)).toBe(true);
    expect(Number.parseInt(asked.at(-1) ?? '', 10)).toBeGreaterThanOrEqual(16 * MiB);
  });

  test('is trusted only as far as it was synced', async () => {
    const { fetch, path, answerBy } = await left();
    await appendFile(path, 'what a power loss left');
    answerBy(serving(large));
    expect(await fetch()).toStrictEqual(all);
  });

  test('is fetched anew when the file changed', async () => {
    const { fetch, answerBy } = await left();
    answerBy(serving(large.subarray(0, 5 * MiB), '"2"'));
    expect(await fetch()).toMatchObject({ sizeBytes: 5 * MiB });
  });

  test('is fetched anew when nothing is known of it', async () => {
    const { fetch, path, answerBy, asked } = await left();
    await rm(`${path}.json`);
    answerBy(serving(large));
    expect(await fetch()).toStrictEqual(all);
    expect(asked.at(-1)).toBe('0-');
  });

  test('is fetched anew when it is shorter than was noted', async () => {
    const { fetch, path, answerBy, asked } = await left();
    await rm(path);
    answerBy(serving(large));
    expect(await fetch()).toStrictEqual(all);
    expect(asked.at(-1)).toBe('0-');
  });
});

describe('a server is refused that', () => {
  const unacceptable = { type: 'ImageUnacceptable', nonRetryable: true };
  const invalid = { type: 'InvalidRequest', nonRetryable: true, details: [{ fields: [{ field: 'source' }] }] };

  test('has no certificate that is trusted', async () => {
    const { fetch } = await world(serving(content));
    await expect(fetch({ extraCa: null })).rejects.toMatchObject({
      ...invalid,
      message: expect.stringContaining('certificate that is not trusted'),
    });
  });

  test.for([
    ['at an address', (url: string) => url, 'leads to 127.0.0.1'],
    ['by a name', (url: string) => url.replace('127.0.0.1', 'localhost'), 'leads to localhost, which is'],
    ['by another way to write it', (url: string) => url.replace('127.0.0.1', '0x7f.1'), 'leads to 127.0.0.1'],
    ['at an address of IPv6', (url: string) => url.replace('127.0.0.1', '[::ffff:127.0.0.1]'), 'leads to ::ffff:7f00:1'],
  ] as const)('is on the host itself, %s', async ([, change, message]) => {
    const { fetch, url, asked } = await world(serving(content));
    const refused = { ...invalid, message: expect.stringContaining(message) };
    await expect(fetch({ mayReach: reachability([]) }, change(url))).rejects.toMatchObject(refused);
    expect(asked).toStrictEqual([]);
  });

  test.for([
    ['to http', 'http://127.0.0.1/', 'leads to http:, not https:'],
    ['to a file', 'file:///etc/shadow', 'leads to file:, not https:'],
    ['to the metadata service', 'https://169.254.169.254/latest/', 'leads to 169.254.169.254'],
    ['for ever', '/again', 'redirects more than 5 times'],
    ['to nowhere', 'https://', 'redirects to https://, which is no URL'],
  ] as const)('redirects %s', async ([, location, message]) => {
    const { fetch } = await world((_, answer) => answer.writeHead(302, { location }).end());
    await expect(fetch()).rejects.toMatchObject({ ...invalid, message: expect.stringContaining(message) });
  });

  test('has no address', async () => {
    const { fetch, url } = await world(serving(content));
    const nowhere = url.replace('127.0.0.1', `${'x'.repeat(64)}.invalid`); // no label is so long
    await expect(fetch({}, nowhere)).rejects.toMatchObject({ ...invalid, message: expect.stringContaining('which has no address') });
  });

  test.for([401, 403, 404, 410])('answers %d', async (status) => {
    const { fetch } = await world((_, answer) => answer.writeHead(status).end());
    await expect(fetch()).rejects.toMatchObject({ ...invalid, message: expect.stringContaining(`answers ${status}`) });
  });

  test('says that the file is larger than allowed', async () => {
    const { fetch } = await world((_, answer) => answer.writeHead(200, { 'content-length': 2 ** 40 }).write('x'));
    await expect(fetch()).rejects.toMatchObject({ ...unacceptable, message: 'the file is larger than 100 MiB (imports.maxSizeMiB)' });
  });

  test('never ends', async () => {
    const { fetch } = await world((_, answer) => {
      const more = () => void (answer.destroyed || answer.write(content, more));
      more();
    });
    await expect(fetch({ maxBytes: 32 * MiB })).rejects.toMatchObject({
      ...unacceptable,
      message: expect.stringContaining('larger than 32 MiB'),
    });
  });

  test('says another length in the middle', async () => {
    const { fetch, answerBy } = await world((request, answer) => {
      answerBy((second, next) => {
        const from = Number(/\d+/.exec(second.headers.range ?? '')?.[0]);
        next.writeHead(206, { etag: '"1"', 'content-range': `bytes ${from}-${3 * content.length}/${3 * content.length + 1}` }).write('x');
      });
      breakingAfter(content, 2 * MiB)(request, answer);
    });
    await expect(fetch()).rejects.toMatchObject({ ...unacceptable, message: expect.stringContaining('and said 5242880 before') });
  });

  test('sends the file encoded', async () => {
    const { fetch } = await world((_, answer) => answer.writeHead(200, { 'content-encoding': 'gzip' }).end('x'));
    await expect(fetch()).rejects.toMatchObject({ ...unacceptable, message: 'the server sends the image encoded by gzip' });
  });
});

describe('an attempt fails, to be made again, when a server', () => {
  test('says a length that it never reaches', async () => {
    const short = content.subarray(0, MiB);
    const { fetch } = await world((request, answer) => {
      const from = request.headers.range === undefined ? 0 : short.length;
      const range = { 'content-range': `bytes ${from}-${content.length - 1}/${content.length}` };
      answer.writeHead(from === 0 ? 200 : 206, { etag: '"1"', 'content-length': content.length - from, ...(from === 0 ? {} : range) });
      answer.write(from === 0 ? short : '', () => answer.socket?.end());
      answer.flushHeaders();
    });
    await expect(fetch()).rejects.not.toHaveProperty('nonRetryable');
  });

  test('answers 503', async () => {
    const { fetch, asked } = await world((_, answer) => answer.writeHead(503).end());
    await expect(fetch()).rejects.toThrow('the source answers 503');
    expect(asked).toHaveLength(5);
  });

  test('falls silent', async () => {
    const { fetch, asked } = await world((_, answer) => answer.writeHead(200, { 'content-length': 10 }).flushHeaders());
    await expect(fetch({ silenceSeconds: 1 })).rejects.toThrow(/said nothing|aborted|socket/);
    expect(asked).toHaveLength(5);
  }, 20_000);
});

test('a cancel ends the download as cancelled, and the connection with it', async () => {
  const { url, path, caFile } = await world((_, answer) => answer.write(content));
  const activity = activityContext();
  const policy = { extraCa: readFileSync(caFile, 'utf8'), mayReach: () => true, silenceSeconds: 60, maxBytes: 100 * MiB, pauseMs: 5 };
  const cancelAtFirst = {
    get current() {
      return null;
    },
    set current(_: Progress | null) {
      activity.cancel();
    },
  };
  const download = progressHolder.run(cancelAtFirst, () => inActivity(() => downloadWithChecksum(url, path, policy), activity));
  await expect(download).rejects.toThrow(CancelledFailure);
  expect(readdirSync(join(path, '..'))).toContain('image.part');
});
