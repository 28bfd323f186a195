import { isHoldfastError } from "@holdfast/core";
import { ensureBubblewrap } from "@holdfast/gate";
import type { JailChoice } from "./jail-choice.ts";

/**
 * Makes jails possible where it may: installs Debian's bubblewrap when that is to make them, is missing, and
 * this is root. An attempt that fails is told on standard error; that nothing makes jails is not, since the
 * Studio says so with the exact command, as a server that starts or as the error of what it was to do. Says
 * it where agents are to run without a jail.
 */
export async function prepareJails({ unsafeNoJail, jails }: JailChoice): Promise<void> {
  if (unsafeNoJail) {
    say("UNSAFE: agents run without a jail, with your rights (--unsafe-no-jail)");
    return;
  }
  if (jails.driver !== "bubblewrap") return;
  let hasTried = false;
  const tell = (line: string) => {
    hasTried = true;
    say(line);
  };
  try {
    await ensureBubblewrap({ mayInstall: true, say: tell });
  } catch (error) {
    if (!isHoldfastError(error)) throw error;
    if (hasTried) say(error.message);
  }
}

function say(line: string): void {
  process.stderr.write(`${line}\n`);
}
