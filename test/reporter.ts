import { writeFileSync } from 'node:fs';
import type { SerializedError } from 'vitest';
import type { Reporter, TestCase, TestModule, TestSuite, Vitest } from 'vitest/node';

/** How a run ended. */
export interface Count {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

/** The same with what failed: a line for each, its name and how its errors begin. */
export interface Outcome extends Count {
  readonly failures: readonly string[];
}

/** What a machine may lack; `skip` says it first: `skip('KVM: /dev/kvm does not open')`. */
const MAY_BE_ABSENT = ['lvm', 'KVM', 'NFS'];

/** The line that a run ends with. */
export function countLine({ passed, failed, skipped }: Count): string {
  return `${passed} passed, ${failed} failed, ${skipped} skipped`;
}

/** Whether a test with this `skip` note may be left out where everything else has to run. */
export function mayBeSkipped(note: string | undefined): boolean {
  return MAY_BE_ABSENT.some((what) => note?.startsWith(`${what}:`));
}

/**
 * Counts a run and prints the count as its last line, or writes an `Outcome` as JSON to the file named by `NOVAFLOW_TEST_COUNT`.
 * Under `CI` a test that is skipped for no good reason counts as failed. So does what fails outside of any test.
 */
export function countReporter(): Reporter {
  let strict = false;
  return {
    onInit(vitest: Vitest) {
      // Tests left out by name (`-t`) are skipped on purpose.
      strict = process.env['CI'] !== undefined && vitest.config.testNamePattern === undefined;
    },
    onTestRunEnd(modules, unhandledErrors) {
      const count = outcomeOf(modules, unhandledErrors, strict);
      if (count.failed > 0) process.exitCode = 1;
      const file = process.env['NOVAFLOW_TEST_COUNT'];
      if (file === undefined) console.log(countLine(count));
      else writeFileSync(file, JSON.stringify(count));
    },
  };
}

function outcomeOf(modules: readonly TestModule[], unhandled: readonly SerializedError[], strict: boolean): Outcome {
  const tests = modules.flatMap((module) => [...module.children.allTests()]);
  const inState = (state: ReturnType<TestCase['result']>['state']) => tests.filter((test) => test.result().state === state);
  const refused = strict ? inState('skipped').filter((test) => !mayBeSkipped(noteOf(test))) : [];
  for (const test of refused) console.error(`skipped without a reason that counts: ${test.fullName}`);
  // Files that do not load and hooks that throw: their tests never ran, and vitest does not count them as failed.
  const broken = modules.flatMap((module) => [module, ...module.children.allSuites()]).filter(hasErrors);
  return {
    passed: inState('passed').length,
    failed: inState('failed').length + inState('pending').length + refused.length + broken.length + unhandled.length,
    skipped: inState('skipped').length - refused.length,
    failures: [
      ...[...inState('failed'), ...inState('pending'), ...refused].map((test) =>
        failureOf([test.module.relativeModuleId, test.fullName], test.result().errors ?? []),
      ),
      ...broken.map((suite) => failureOf(namesOf(suite), suite.errors())),
      ...unhandled.map((error) => failureOf(['outside of any test'], [error])),
    ],
  };
}

/** In one line: the end of a log may be all that is kept of it. What was thrown may be no error, and have no message. */
function failureOf(names: readonly string[], errors: readonly Partial<SerializedError>[]): string {
  return [names.join(' > '), ...errors.map(({ message }) => `${message ?? 'no message'}`.split('\n', 1)[0])].join(': ');
}

function namesOf(suite: TestModule | TestSuite): readonly string[] {
  return suite.type === 'module' ? [suite.relativeModuleId] : [suite.module.relativeModuleId, suite.fullName];
}

function noteOf(test: TestCase): string | undefined {
  const result = test.result();
  return result.state === 'skipped' ? result.note : undefined;
}

function hasErrors(suite: TestModule | TestSuite): boolean {
  return suite.errors().length > 0;
}
