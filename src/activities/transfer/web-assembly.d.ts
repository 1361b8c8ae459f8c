/** What of WebAssembly this project uses: no library of types that it takes has it. */
declare namespace WebAssembly {
  class Memory {
    constructor(pages: { readonly initial: number });
    readonly buffer: ArrayBuffer;
  }
}
