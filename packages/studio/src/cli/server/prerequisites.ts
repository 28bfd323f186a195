import { isHoldfastError } from "@holdfast/core";
import { ensureBubblewrap } from "@holdfast/gate";
import type { JailChoice } from "./jail-choice.ts";

/**
 * Prepares jails if possible: as root, installs Debian's bubblewrap if that is the driver and it is missing. Prints a
 * failed installation to standard error. Unavailable jails are not reported here, because the Studio does that with
 * the exact remedy. Warns if agents will run without a jail.
 */
export async function prepareJails({ unsafeNoJail, jails }: JailChoice): Promise<void> {
  if (unsafeNoJail) {
    printLine("UNSAFE: agents run without a jail, with your permissions (--unsafe-no-jail)");
    return;
  }
  if (jails.driver !== "bubblewrap") return;
  let hasTried = false;
  const report = (line: string) => {
    hasTried = true;
    printLine(line);
  };
  try {
    await ensureBubblewrap({ mayInstall: true, say: report });
  } catch (error) {
    if (!isHoldfastError(error)) throw error;
    if (hasTried) printLine(error.message);
  }
}

function printLine(line: string): void {
  process.stderr.write(`${line}\n`);
}
