/** What a shell makes of a command that a closed pipe ended: 128 and SIGPIPE. */
const closedPipe = 141;

/**
 * Decides what becomes of a command whose output can no longer be written. A reader that has seen enough
 * (`| head`) ends it without a word; a full disk is told, and is a failure. Without standard error there
 * is nobody left to tell, and a server goes on.
 */
export function endWithOutput(): void {
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code === "EPIPE") process.exit(closedPipe);
    process.stderr.write(`Standard output: ${error.message}\n`);
    process.exit(1);
  });
  process.stderr.on("error", () => {});
}
