import { readFile } from 'node:fs/promises';

/** What the processors of a host did, in percent of their time, by Nova's names of metrics. */
export type CpuMetrics = Readonly<Record<string, number>>;

/** Measures what the processors did since the last call; at the first, since the machine started (Nova's monitor `cpu.virt_driver`). */
export function cpuMonitor(file = '/proc/stat'): () => Promise<CpuMetrics> {
  let before: readonly number[] = [];
  return async () => {
    const now = ticksIn(await readFile(file, 'utf8'));
    const spent = now.map((ticks, index) => ticks - (before[index] ?? 0));
    before = now;
    return metricsOf(spent);
  };
}

/** The first line of `/proc/stat`: ticks of all processors, by what they did (proc(5)). */
function ticksIn(stat: string): readonly number[] {
  const [line = ''] = stat.split('\n', 1);
  return line.split(/\s+/).slice(1, 9).map(Number);
}

function metricsOf([user = 0, nice = 0, system = 0, idle = 0, iowait = 0, irq = 0, softirq = 0, steal = 0]: readonly number[]): CpuMetrics {
  const total = user + nice + system + idle + iowait + irq + softirq + steal;
  const percent = (ticks: number) => (total === 0 ? 0 : Math.round((100 * ticks) / total));
  return {
    'cpu.user.percent': percent(user + nice),
    'cpu.kernel.percent': percent(system + irq + softirq),
    'cpu.iowait.percent': percent(iowait),
    'cpu.idle.percent': percent(idle),
    'cpu.percent': percent(total - idle),
  };
}
