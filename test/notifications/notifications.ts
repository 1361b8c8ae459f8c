import type { Notification } from '../../src/model/notification.ts';

/** A notification of a build that has ended well, but for the changes. */
export function notificationOf(changes: Partial<Notification> = {}): Notification {
  return {
    sequence: 7,
    at: '2026-11-20T10:00:09.000Z',
    phase: 'end',
    operation: {
      workflowId: 'build/web1/3f9a01c2',
      runId: '0199a1b2-0000-4000-8000-000000000002',
      type: 'buildInstance',
      part: 1,
      firstTaskState: 'scheduling',
      userId: 'ada',
      requestId: 'req-1',
      startedAt: '2026-11-20T10:00:01.000Z',
    },
    instance: {
      id: '7d9f0e0c-0000-4000-8000-000000000001',
      name: 'web1',
      projectId: 'engine',
      userId: 'ada',
      vmState: 'active',
      taskState: null,
      powerState: 'running',
      host: 'cn1',
      availabilityZone: null,
      flavor: { name: 'm1.tiny', vcpus: 1, memoryMiB: 512, rootGiB: 1, ephemeralGiB: 0, swapMiB: 0 },
      image: '7d9f0e0c-0000-4000-8000-000000000003',
      ports: [{ network: 'default', mac: 'fa:16:3e:0a:0b:0c', ip: '10.0.0.10' }],
      generation: 1,
      createdAt: '2026-11-20T10:00:01.000Z',
      launchedAt: '2026-11-20T10:00:08.500Z',
      deletedAt: null,
    },
    old: null,
    failure: null,
    merged: 0,
    ...changes,
  };
}
