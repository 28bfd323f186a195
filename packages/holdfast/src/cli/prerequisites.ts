import { isHoldfastError } from "@holdfast/core";
import { ensureBubblewrap } from "@holdfast/gate";

/** Said wherever agents are started without a jail. */
export const unsafeNotice = "UNSAFE: agents run without a jail, with your rights (--unsafe-no-jail)\n";

/**
 * Makes jails possible where it may: installs Debian's bubblewrap when it is missing and this is
 * root. Where it may not, it says the exact command; agents then do not start, everything else does.
 */
export async function ensureJails(say: (line: string) => void): Promise<void> {
  try {
    await ensureBubblewrap({ mayInstall: true, say });
  } catch (error) {
    if (!isHoldfastError(error)) throw error;
    say(error.message);
    say("Agents do not start without a jail.");
  }
}
