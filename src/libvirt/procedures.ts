import {
  bool,
  characters,
  counted,
  type Fields,
  flags,
  hyper,
  int,
  list,
  nothing,
  opaque,
  optional,
  type StructGiven,
  string,
  struct,
  uint,
  unsignedHyper,
  uuid,
  type Xdr,
} from './codec.ts';
import { domain, namedCount, nwfilter, nwfilterBinding, typedParams } from './structs.ts';

/**
 * What a call may be kept waiting by, and so which connections carry it (`lanes.ts`).
 * `daemon`: the daemon answers by itself, whatever its guests do. `guest`: QEMU is asked, and a hung QEMU holds the call.
 * `long`: seconds to hours of work. `rescue`: ends what hangs, so it never queues behind it.
 */
export type Lane = 'daemon' | 'guest' | 'long' | 'rescue';

/** A procedure of the remote program: its number, its lane, and how its arguments and its result stand on the wire. */
export interface Procedure<Given, Value> {
  readonly number: number;
  readonly lane: Lane;
  readonly given: Xdr<unknown, Given>;
  readonly result: Xdr<Value, never>;
}

function procedure<const F extends Fields, Value>(
  number: number,
  lane: Lane,
  given: F,
  result: Xdr<Value, never>,
): Procedure<StructGiven<F>, Value> {
  return { number, lane, given: struct(given), result };
}

const dom = domain;

/** What a connection says before it may call anything else. */
export const handshakeProcedures = {
  authList: procedure(66, 'daemon', {}, list(int)),
  connectOpen: procedure(1, 'daemon', { uri: optional(string), flags }, nothing),
  connectSupportsFeature: procedure(60, 'daemon', { feature: int }, bool),
} as const;

/** Procedures that open a stream under their own serial. */
export const streamProcedures = {
  domainOpenConsole: procedure(201, 'guest', { dom, device: optional(string), flags }, nothing),
  domainScreenshot: procedure(211, 'guest', { dom, screen: uint, flags }, optional(string)),
} as const;

/** Registration of events, which `events.ts` does. */
export const eventProcedures = {
  register: procedure(316, 'daemon', { eventId: int, dom: optional(dom) }, int),
  deregister: procedure(317, 'daemon', { callbackId: int }, nothing),
} as const;

const guestState = struct({ state: int, reason: int });
const params = typedParams;
const u64 = unsignedHyper;

/**
 * The procedures that can be called, named as in libvirt's C interface without `vir`.
 * A result of one field is that field. Surplus arguments pass in silence, so each of these is called for real in `test/lab/libvirt`.
 */
export const procedures = {
  connectCompareHypervisorCpu: procedure(
    393,
    'guest',
    { emulator: optional(string), arch: optional(string), machine: optional(string), virtType: optional(string), cpuXml: string, flags },
    int,
  ),
  connectGetCapabilities: procedure(7, 'guest', {}, string),
  connectGetDomainCapabilities: procedure(
    342,
    'guest',
    { emulator: optional(string), arch: optional(string), machine: optional(string), virtType: optional(string), flags },
    string,
  ),
  connectGetHostname: procedure(59, 'daemon', {}, string),
  connectGetLibVersion: procedure(157, 'daemon', {}, u64),
  connectGetUri: procedure(110, 'daemon', {}, string),
  connectGetVersion: procedure(4, 'guest', {}, u64),
  nodeGetCpuStats: procedure(227, 'daemon', { cpu: int, maxParams: int, flags }, struct({ params: list(namedCount), count: int })),
  nodeGetFreeMemory: procedure(102, 'daemon', {}, u64),
  nodeGetInfo: procedure(
    6,
    'daemon',
    {},
    struct({
      model: characters(32),
      memoryKiB: u64,
      cpus: int,
      mhz: int,
      nodes: int,
      sockets: int,
      cores: int,
      threads: int,
    }),
  ),
  nodeGetMemoryStats: procedure(228, 'daemon', { maxParams: int, cell: int, flags }, struct({ params: list(namedCount), count: int })),

  connectGetAllDomainStats: procedure(344, 'guest', { doms: list(dom), stats: uint, flags }, list(struct({ dom, params }))),
  connectListAllDomains: procedure(273, 'daemon', { needResults: int, flags }, counted(dom)),
  domainLookupByName: procedure(23, 'daemon', { name: string }, dom),
  domainLookupByUuid: procedure(24, 'daemon', { uuid }, dom),
  domainGetControlInfo: procedure(229, 'daemon', { dom, flags }, struct({ state: uint, details: uint, stateTimeMs: u64 })),
  domainGetInfo: procedure(16, 'guest', { dom }, struct({ state: uint, maxMemoryKiB: u64, memoryKiB: u64, vcpus: uint, cpuTimeNs: u64 })),
  domainGetMessages: procedure(426, 'guest', { dom, flags }, list(string)),
  domainGetState: procedure(212, 'daemon', { dom, flags }, guestState),
  domainGetXmlDesc: procedure(14, 'guest', { dom, flags }, string),
  domainIsActive: procedure(150, 'daemon', { dom }, bool),
  domainIsPersistent: procedure(151, 'daemon', { dom }, bool),

  domainBlockStatsFlags: procedure(243, 'guest', { dom, path: string, maxParams: int, flags }, struct({ params, count: int })),
  domainGetDiskErrors: procedure(
    263,
    'guest',
    { dom, maxErrors: uint, flags },
    struct({ errors: list(struct({ disk: string, error: int })), count: int }),
  ),
  domainInterfaceStats: procedure(
    65,
    'daemon',
    { dom, device: string },
    struct({
      rxBytes: hyper,
      rxPackets: hyper,
      rxErrors: hyper,
      rxDropped: hyper,
      txBytes: hyper,
      txPackets: hyper,
      txErrors: hyper,
      txDropped: hyper,
    }),
  ),
  domainMemoryStats: procedure(159, 'guest', { dom, maxStats: uint, flags }, list(struct({ tag: int, value: u64 }))),

  domainAgentSetResponseTimeout: procedure(420, 'guest', { dom, timeoutSeconds: int, flags }, int),
  domainCreateWithFlags: procedure(196, 'long', { dom, flags }, dom),
  domainDefineXmlFlags: procedure(350, 'daemon', { xml: string, flags }, dom),
  domainDestroyFlags: procedure(234, 'rescue', { dom, flags }, nothing),
  domainFsFreeze: procedure(335, 'long', { dom, mountPoints: list(string), flags }, int),
  domainFsThaw: procedure(336, 'rescue', { dom, mountPoints: list(string), flags }, int),
  domainGetMetadata: procedure(265, 'guest', { dom, type: int, uri: optional(string), flags }, string),
  domainHasManagedSaveImage: procedure(183, 'guest', { dom, flags }, bool),
  domainInjectNmi: procedure(210, 'guest', { dom, flags }, nothing),
  domainManagedSave: procedure(182, 'long', { dom, flags }, nothing),
  domainManagedSaveDefineXml: procedure(389, 'guest', { dom, xml: optional(string), flags }, nothing),
  domainManagedSaveGetXmlDesc: procedure(388, 'guest', { dom, flags }, string),
  domainManagedSaveRemove: procedure(184, 'guest', { dom, flags }, nothing),
  domainReboot: procedure(27, 'guest', { dom, flags }, nothing),
  domainReset: procedure(245, 'guest', { dom, flags }, nothing),
  domainResume: procedure(28, 'long', { dom }, nothing),
  domainSetMetadata: procedure(
    264,
    'guest',
    { dom, type: int, metadata: optional(string), key: optional(string), uri: optional(string), flags },
    nothing,
  ),
  domainSetTime: procedure(338, 'guest', { dom, seconds: hyper, nanoseconds: uint, flags }, nothing),
  domainShutdownFlags: procedure(258, 'guest', { dom, flags }, nothing),
  domainSuspend: procedure(34, 'long', { dom }, nothing),
  domainSetUserPassword: procedure(357, 'guest', { dom, user: optional(string), password: optional(string), flags }, nothing),
  domainUndefineFlags: procedure(231, 'daemon', { dom, flags }, nothing),

  domainAttachDeviceFlags: procedure(160, 'long', { dom, xml: string, flags }, nothing),
  domainDetachDeviceAlias: procedure(392, 'long', { dom, alias: string, flags }, nothing),
  domainDetachDeviceFlags: procedure(161, 'long', { dom, xml: string, flags }, nothing),
  domainUpdateDeviceFlags: procedure(174, 'long', { dom, xml: string, flags }, nothing),

  domainBlockCopy: procedure(345, 'long', { dom, path: string, destinationXml: string, params, flags }, nothing),
  domainBlockJobAbort: procedure(237, 'long', { dom, path: string, flags }, nothing),
  domainBlockJobSetSpeed: procedure(239, 'guest', { dom, path: string, bandwidth: u64, flags }, nothing),
  domainBlockRebase: procedure(266, 'long', { dom, path: string, base: optional(string), bandwidth: u64, flags }, nothing),
  domainBlockResize: procedure(251, 'long', { dom, disk: string, size: u64, flags }, nothing),
  domainGetBlockInfo: procedure(194, 'guest', { dom, path: string, flags }, struct({ allocation: u64, capacity: u64, physical: u64 })),
  domainGetBlockJobInfo: procedure(
    238,
    'guest',
    { dom, path: string, flags },
    struct({ found: bool, type: int, bandwidth: u64, current: u64, end: u64 }),
  ),

  domainAbortJob: procedure(164, 'rescue', { dom }, nothing),
  domainGetJobStats: procedure(298, 'guest', { dom, flags }, struct({ type: int, params })),
  domainMigrateGetMaxDowntime: procedure(387, 'guest', { dom, flags }, u64),
  domainMigrateGetMaxSpeed: procedure(242, 'guest', { dom, flags }, u64),
  domainMigratePerform3Params: procedure(305, 'long', { dom, destinationUri: optional(string), params, cookie: opaque, flags }, opaque),
  domainMigrateSetMaxDowntime: procedure(166, 'guest', { dom, downtimeMs: u64, flags }, nothing),
  domainMigrateSetMaxSpeed: procedure(207, 'guest', { dom, bandwidthMiBps: u64, flags }, nothing),
  domainMigrateStartPostCopy: procedure(364, 'guest', { dom, flags }, nothing),

  connectListAllNwfilterBindings: procedure(401, 'daemon', { needResults: int, flags }, counted(nwfilterBinding)),
  nwfilterBindingDelete: procedure(400, 'guest', { binding: nwfilterBinding }, nothing),
  nwfilterBindingGetXmlDesc: procedure(398, 'daemon', { binding: nwfilterBinding, flags }, string),
  nwfilterBindingLookupByPortDev: procedure(397, 'daemon', { portDev: string }, nwfilterBinding),
  nwfilterDefineXml: procedure(180, 'guest', { xml: string }, nwfilter),
} as const;

/** The name of a procedure that can be called. */
export type ProcedureName = keyof typeof procedures;

/** The arguments of a procedure. */
export type ArgumentsOf<P> = P extends Procedure<infer Given, infer _Value> ? Given : never;

/** The result of a procedure. */
export type ResultOf<P> = P extends Procedure<infer _Given, infer Value> ? Value : never;

/** Every procedure as a method; one whose arguments may all be left out is called without any. */
export type Calls = {
  readonly [N in ProcedureName]: Record<never, never> extends ArgumentsOf<(typeof procedures)[N]>
    ? (given?: ArgumentsOf<(typeof procedures)[N]>) => Promise<ResultOf<(typeof procedures)[N]>>
    : (given: ArgumentsOf<(typeof procedures)[N]>) => Promise<ResultOf<(typeof procedures)[N]>>;
};
