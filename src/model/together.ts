/** Waits for all of the works, whatever becomes of any, then raises the first failure: none of them goes on behind the caller's back. */
export async function together<const Works extends readonly unknown[]>(
  works: Works,
): Promise<{ -readonly [Key in keyof Works]: Awaited<Works[Key]> }> {
  await Promise.allSettled(works);
  return Promise.all(works);
}
