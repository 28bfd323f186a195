/** What the program was not asked rightly: it ends with 64 (EX_USAGE), as Swift's ArgumentParser has it. */
export class UsageFault extends Error {}

/** What the program could not do: it ends with 1. */
export class FailedCommand extends Error {
  constructor(code: string, message: string) {
    super(`${code}: "${message}"`);
  }
}
