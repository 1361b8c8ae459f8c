import { DomainState, DomainXml, ErrorCode, type Libvirt, LibvirtError } from '../../src/libvirt/index.ts';

/** A domain as a daemon keeps it, of which a test changes and reads everything. */
export interface FakeDomain {
  state: number;
  /** libvirt's number of the run: another after each start. */
  id: number;
  /** Whether its metadata is ours. */
  isOurs: boolean;
  hasSavedMemory: boolean;
  /** Whether what was saved is whole. */
  isReadable: boolean;
  /** Devices in its definition, and those that the running guest has. */
  readonly defined: string[];
  attached: string[];
  /** How its agent fails what it is asked, or null. */
  agentFails: { readonly code: number; readonly message: string } | null;
  /** The calls that change something, in order. */
  readonly calls: string[];
  /** What happens at such a call beside its effect. */
  onCall: (name: string) => void;
}

const nothing = { str1: null, str2: null, str3: null, int1: 0, int2: 0, dom: null, network: null };

function refused(code: number, message = 'refused'): LibvirtError {
  return new LibvirtError('fake', { code, domain: 10, message, level: 2, ...nothing });
}

/** A daemon with one domain that runs. */
export function fakeLibvirt(changes: Partial<FakeDomain> = {}): { libvirt: Libvirt; domain: FakeDomain } {
  const domain: FakeDomain = {
    state: DomainState.running,
    id: 1,
    isOurs: true,
    hasSavedMemory: false,
    isReadable: true,
    defined: [],
    attached: [],
    agentFails: null,
    calls: [],
    onCall: () => {},
    ...changes,
  };
  const xmlOf = (devices: readonly string[]) => `<domain type='kvm'><devices>${devices.join('')}</devices></domain>`;
  const call = (name: string) => {
    domain.calls.push(name);
    domain.onCall(name);
  };
  const requireRunning = () => {
    if (domain.state === DomainState.shutoff) throw refused(ErrorCode.operationInvalid);
  };
  const start = () => {
    domain.id += 1;
    domain.attached = [...domain.defined];
  };
  const fake: Partial<Libvirt> = {
    domainGetState: async () => ({ state: domain.state, reason: 0 }),
    domainLookupByUuid: async ({ uuid }) => ({ uuid, name: 'fake', id: domain.id }),
    domainGetMetadata: async () => {
      if (!domain.isOurs) throw refused(ErrorCode.noDomainMetadata);
      return '';
    },
    domainGetXmlDesc: async ({ flags = 0 }) => xmlOf(flags === DomainXml.inactive ? domain.defined : domain.attached),
    domainHasManagedSaveImage: async () => domain.hasSavedMemory,
    domainGetJobStats: async () => ({ type: 0, params: [] }),
    domainShutdownFlags: async () => {
      requireRunning();
      call('shutdown');
    },
    domainDestroyFlags: async () => {
      domain.state = DomainState.shutoff;
      call('destroy');
    },
    domainSuspend: async () => {
      requireRunning();
      domain.state = DomainState.paused;
      call('suspend');
    },
    domainManagedSave: async () => {
      domain.state = DomainState.shutoff;
      domain.hasSavedMemory = true;
      call('save');
    },
    domainManagedSaveGetXmlDesc: async () => {
      if (!domain.isReadable) throw refused(ErrorCode.operationFailed);
      return '<domain/>';
    },
    domainCreateWithFlags: async () => {
      start();
      domain.state = DomainState.paused;
      domain.hasSavedMemory = false;
      call('create');
      return { uuid: '', name: 'fake', id: domain.id };
    },
    domainAgentSetResponseTimeout: async ({ timeoutSeconds }) => {
      call(`agent has ${timeoutSeconds} s`);
      return 0;
    },
    domainSetUserPassword: async ({ user }) => {
      if (domain.agentFails !== null) throw refused(domain.agentFails.code, domain.agentFails.message);
      call(`password of ${user}`);
    },
    domainDetachDeviceFlags: async ({ xml }) => {
      domain.attached = domain.attached.filter((device) => device !== xml);
      call('detach');
    },
    domainAttachDeviceFlags: async ({ xml }) => {
      domain.attached = [...domain.attached, xml];
      call('attach');
    },
  };
  return { libvirt: fake as Libvirt, domain };
}
