import { isHoldfastError } from "@holdfast/core";
import { ensureBubblewrap } from "@holdfast/gate";
import type { JailChoice } from "./jail-choice.ts";

/**
 * Makes jails possible where it may: installs Debian's bubblewrap when that is to make them, is missing, and
 * this is root. Where it may not, it says the exact command on standard error; agents then do not start,
 * everything else does. Says it where agents are to run without a jail.
 */
export async function prepareJails({ unsafeNoJail, jails }: JailChoice): Promise<void> {
  if (unsafeNoJail) {
    say("UNSAFE: agents run without a jail, with your rights (--unsafe-no-jail)");
    return;
  }
  if (jails.driver !== "bubblewrap") return;
  try {
    await ensureBubblewrap({ mayInstall: true, say });
  } catch (error) {
    if (!isHoldfastError(error)) throw error;
    say(error.message);
  }
}

function say(line: string): void {
  process.stderr.write(`${line}\n`);
}
