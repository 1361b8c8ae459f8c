import { DefaultLogger, type LogEntry, type Logger, makeTelemetryFilterString, Runtime } from '@temporalio/worker';
import { type Logger as Pino, pino } from 'pino';
import type { Config } from './config.ts';

/** An error has nothing of its own that JSON would show: without this a failed step is logged as `{}`. */
const serializers = { error: pino.stdSerializers.err };

/** The process's log: a JSON line each to standard error, or lines for people on a terminal. */
export function openLog({ log: { level, pretty } }: Pick<Config, 'log'>): Pino {
  const isPretty = pretty === 'always' || (pretty === 'auto' && process.stderr.isTTY);
  const options = {
    level,
    base: null,
    timestamp: () => `,"time":"${new Date().toISOString()}"`,
    formatters: { level: (label: string) => ({ level: label }) },
    serializers,
  };
  if (!isPretty) return pino(options, pino.destination({ fd: 2, sync: true }));
  return pino({ level, base: null, serializers }, pino.transport({ target: 'pino-pretty', options: { destination: 2, colorize: true } }));
}

/** Lets the SDK, the workflows and the activities write to the same log. Called once, before the first worker. */
export function installLog(log: Pino): void {
  Runtime.install({
    logger: sdkLogger(log),
    telemetryOptions: { logging: { forward: {}, filter: makeTelemetryFilterString({ core: 'WARN', other: 'WARN' }) } },
    shutdownSignals: [],
  });
}

/** What the SDK calls a field and what our lines call it. */
const renamed: Readonly<Record<string, string>> = { workflowId: 'operation', instanceId: 'instance' };
const left = new Set(['sdkComponent', 'taskToken', 'namespace', 'attempt', 'isLocal', 'taskQueue']);

function sdkLogger(log: Pino): Logger {
  return new DefaultLogger('TRACE', ({ level, message, meta }: LogEntry) => {
    const fields = Object.entries(meta ?? {}).flatMap(([key, value]) => (left.has(key) ? [] : [[renamed[key] ?? key, value]]));
    log[level.toLowerCase() as Lowercase<typeof level>](Object.fromEntries(fields), message);
  });
}
