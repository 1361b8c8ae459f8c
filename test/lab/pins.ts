import { type LabHost, runInHost } from '../../lab/lab.ts';
import { domainNameOf } from '../../src/model/domain.ts';

/** On which CPUs the kernel lets the threads of a guest run, by what each is: `vcpu 0`, or any other of its QEMU. */
export async function allowedCpus(
  host: LabHost,
  instanceId: string,
): Promise<{ readonly vcpus: readonly string[]; readonly others: readonly string[] }> {
  const pidFile = `/run/libvirt/qemu/${domainNameOf(instanceId)}.pid`;
  const text = await runInHost(host, ['sh', '-c', `grep -hE '^(Name|Cpus_allowed_list):' /proc/$(cat ${pidFile})/task/*/status`]);
  const threads = [...text.matchAll(/Name:\s*(.*)\nCpus_allowed_list:\s*(.*)/g)].map(([, name = '', cpus = '']) => ({ name, cpus }));
  const isVcpu = ({ name }: { readonly name: string }) => /^CPU \d+\//.test(name);
  const of = (some: typeof threads) => [...new Set(some.map(({ cpus }) => cpus))];
  return { vcpus: threads.filter(isVcpu).map(({ cpus }) => cpus), others: of(threads.filter((thread) => !isVcpu(thread))) };
}
