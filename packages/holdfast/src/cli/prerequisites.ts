import { isHoldfastError } from "@holdfast/core";
import { ensureBubblewrap } from "@holdfast/gate";

/**
 * Makes jails possible where it may: installs Debian's bubblewrap when it is missing and this is
 * root. Where it may not, it says the exact command on standard error; agents then do not start,
 * everything else does. With `unsafe` it says that agents run without one.
 */
export async function prepareJails(unsafe: boolean): Promise<void> {
  if (unsafe) {
    say("UNSAFE: agents run without a jail, with your rights (--unsafe-no-jail)");
    return;
  }
  try {
    await ensureBubblewrap({ mayInstall: true, say });
  } catch (error) {
    if (!isHoldfastError(error)) throw error;
    say(error.message);
    say("Agents do not start without a jail.");
  }
}

function say(line: string): void {
  process.stderr.write(`${line}\n`);
}
