/** Invalid usage: exit code 64 (EX_USAGE), like Swift's ArgumentParser. */
export class UsageError extends Error {}

/** Failed command: exit code 1. */
export class CommandError extends Error {
  constructor(code: string, message: string) {
    super(`${code}: "${message}"`);
  }
}
