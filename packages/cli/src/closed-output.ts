/** Exit code that a shell gives a command which a closed pipe has ended: 128 and SIGPIPE. */
const closedPipe = 141;

/**
 * Decides what happens to a command whose output cannot be written any more. A reader that has seen enough
 * (`| head`) ends it silently; a full disk is reported, and is a failure. A terminal that is gone has sent
 * SIGHUP, which ends the command in order. Without standard error nobody is left to tell, and a server goes on.
 */
export function endWithOutput(): void {
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code === "EPIPE") process.exit(closedPipe);
    if (error.code === "EIO" && process.stdout.isTTY) return;
    process.stderr.write(`Standard output: ${error.message}\n`);
    process.exit(1);
  });
  process.stderr.on("error", () => {});
}
