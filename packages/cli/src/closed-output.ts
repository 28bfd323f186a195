/** The exit code that shells report for a program ended by SIGPIPE: 128 + 13. */
const closedPipe = 141;

/**
 * Handles a standard output that can no longer be written. If its reader has closed it (`| head`), the command ends
 * silently; a full disk is reported as a failure. A closed terminal sends SIGHUP, which ends the command in order. A
 * server without standard error keeps running.
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
