import type { Managed } from "../../processes/managed.ts";
import { runtimeFailed } from "../errors.ts";
import type { XConnection } from "../x/connection.ts";
import type { Launcher } from "./launcher.ts";
import { lastLine, outputOf } from "./x-server.ts";

/** How long openbox may take until it manages windows. */
const startTimeoutMs = 10_000;

/**
 * Starts openbox, and again when it fails. Resolves when it has listed the windows of the display, at the end of its
 * start: it announces itself before it has loaded its theme, and loses what programs ask of it until then.
 */
export async function startWindowManager(launcher: Launcher, connection: XConnection): Promise<Managed> {
  const list = await connection.atom("_NET_CLIENT_LIST");
  const announced = connection.nextEvent(
    ({ name, wid, atom }) => name === "PropertyNotify" && wid === connection.root && atom === list,
    startTimeoutMs,
  );
  const process = await launcher.start("openbox", ["--sm-disable"], { restarts: true });
  if ((await announced) !== undefined) return process;
  throw runtimeFailed(`openbox was not ready after ${startTimeoutMs} ms: ${lastLine(outputOf(process))}`);
}
