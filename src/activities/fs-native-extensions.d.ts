/** What we use of a library that comes without types. */
declare module 'fs-native-extensions' {
  /** Takes a lock of the whole file for its open file description; false when another holds one that excludes it. */
  export function tryLock(descriptor: number, options: { readonly shared: boolean }): boolean;
}
