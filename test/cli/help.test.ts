import { expect, test } from 'vitest';
import { exitCodes } from '../../src/cli/exit-codes.ts';
import { newProgram } from '../../src/cli/program.ts';
import { call, keptTerminal } from './surroundings.ts';

interface Described {
  readonly name: () => string;
  readonly commands: readonly Described[];
}

/** The words of every command that does something: `instance create`. */
function leavesOf(command: Described, words: readonly string[] = []): string[][] {
  return command.commands.flatMap((child) => {
    const path = [...words, child.name()];
    return child.commands.length > 0 ? leavesOf(child, path) : [path];
  });
}

const nothing = () => {};
const serveCodec = () => Promise.reject(new Error('nothing is served here'));
const pki = () => Promise.reject(new Error('nothing is issued here'));
const session = { terminal: keptTerminal(), serveCodec, pki, isJson: () => false, isQuiet: () => false, endWith: nothing };
const leaves = leavesOf(newProgram({ ...session, cloud: () => Promise.reject(new Error('no command runs here')) }));
const helps = await Promise.all(leaves.map(async (words) => ({ words, help: (await call([...words, '--help'])).out })));
const examples = helps.flatMap(({ help }) => [...help.matchAll(/^ {2}\$ novaflow (.*)$/gm)].map(([, line = '']) => line));

test.for(helps)('the help of $words has an example of it and the options that every command has', ({ words, help }) => {
  expect(help).toContain(`$ novaflow ${words.join(' ')}`);
  expect(help).toContain('--json');
});

test.for(examples)('the example "%s" can be typed as it stands', async (line) => {
  const typed = line.replace(/ < \S+$/, '').replaceAll(/ --(key|user-data) \S+| --file \S+=\S+/g, '');
  const argv = [...typed.matchAll(/"([^"]*)"|\S+/g)].map(([word, inner]) => inner ?? word); // no file of a reader is here
  const { exitCode, err } = await call(argv, { result: () => Promise.reject(new Error('it was started')) });
  expect(err).not.toContain('error:');
  expect(exitCode).not.toBe(exitCodes.refused);
});

test('help costs no connection', async () => {
  const { exitCode, asked, out } = await call(['--help']);
  expect({ exitCode, asked }).toEqual({ exitCode: 0, asked: [] });
  for (const code of Object.values(exitCodes)) expect(out).toMatch(new RegExp(`^ {2}${code} `, 'm'));
});
