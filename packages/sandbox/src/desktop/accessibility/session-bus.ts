import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Managed } from "../../processes/managed.ts";
import type { Launcher } from "../display/launcher.ts";
import { findDesktopProgram } from "../display/programs.ts";
import { lastLine, outputOf } from "../display/x-server.ts";
import { runtimeFailed } from "../errors.ts";

/** How long dbus-daemon may take until it accepts connections. */
const startTimeoutMs = 10_000;

/** The message bus of a display. The accessibility bus starts when a program first asks it for one. */
export interface SessionBus {
  readonly process: Managed;
  /** As in DBUS_SESSION_BUS_ADDRESS. */
  readonly address: string;
  /** What programs need to reach the bus, and to tell about their windows. */
  readonly env: Readonly<Record<string, string>>;
}

/** Starts the bus with its socket in `directory`; undefined where its programs are not installed. */
export async function startSessionBus(
  launcher: Launcher,
  directory: string,
): Promise<SessionBus | undefined> {
  const daemon = findDesktopProgram("dbus-daemon", launcher.env.PATH);
  const accessibility = findDesktopProgram("at-spi-bus-launcher", launcher.env.PATH);
  if (daemon === undefined || accessibility === undefined) return undefined;
  const services = join(directory, "services");
  const sockets = join(directory, "sockets");
  await Promise.all([services, sockets].map((path) => mkdir(path, { mode: 0o700 })));
  const address = `unix:path=${join(sockets, "bus")}`;
  const config = join(directory, "bus.conf");
  await writeFile(join(services, "org.a11y.Bus.service"), serviceFile(accessibility));
  await writeFile(config, busConfig(address, services));
  // The accessibility bus puts its socket there, and is the child of this one.
  const env = { XDG_RUNTIME_DIR: sockets };
  const process = await launcher.start(daemon, [`--config-file=${config}`, "--nofork", "--print-address"], {
    env,
  });
  await untilReady(process);
  return {
    ...{ process, address },
    env: {
      DBUS_SESSION_BUS_ADDRESS: address,
      // Toolkits and Chromium look whether anybody is interested; these say so.
      ...{ GNOME_ACCESSIBILITY: "1", ACCESSIBILITY_ENABLED: "1", QT_LINUX_ACCESSIBILITY_ALWAYS_ON: "1" },
    },
  };
}

async function untilReady(process: Managed): Promise<void> {
  const deadline = performance.now() + startTimeoutMs;
  while (!outputOf(process).includes("unix:")) {
    const remainingMs = deadline - performance.now();
    if (process.ended || remainingMs <= 0) {
      process.kill();
      throw runtimeFailed(`dbus-daemon did not start: ${lastLine(outputOf(process))}`);
    }
    await process.changed.wait(remainingMs);
  }
}

/** A bus of this user alone, which starts no service but that of accessibility. */
function busConfig(address: string, services: string): string {
  return `<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
  "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>session</type>
  <listen>${address}</listen>
  <auth>EXTERNAL</auth>
  <servicedir>${services}</servicedir>
  <policy context="default">
    <allow send_destination="*" eavesdrop="true"/>
    <allow eavesdrop="true"/>
    <allow own="*"/>
  </policy>
</busconfig>
`;
}

function serviceFile(program: string): string {
  return `[D-BUS Service]\nName=org.a11y.Bus\nExec=${program} --a11y=1\n`;
}
