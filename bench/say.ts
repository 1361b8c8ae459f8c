/** Told, line by line, what is being measured and each sample as it is taken. */
export type Say = (line: string) => void;

/** Prints a line. */
export function say(line: string): void {
  console.log(line);
}
