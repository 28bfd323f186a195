/** The screen of a desktop: its programs, the X server, the window manager. */
import { accessSync, constants, statSync } from "node:fs";
import { delimiter, join } from "node:path";

export type PackageManager = "apt" | "dnf" | "apk";

interface DesktopProgram {
  readonly program: string;
  readonly packages: Readonly<Record<PackageManager, string>>;
  /** Without it the desktop does not start. */
  readonly required: boolean;
  /** Absolute paths of a program that is not in PATH. */
  readonly paths?: readonly string[];
}

/** The programs that a desktop uses, with the packages that contain them. */
export const desktopPrograms: readonly DesktopProgram[] = [
  {
    program: "Xvfb",
    packages: { apt: "xvfb", dnf: "xorg-x11-server-Xvfb", apk: "xvfb" },
    required: true,
  },
  { program: "openbox", packages: { apt: "openbox", dnf: "openbox", apk: "openbox" }, required: true },
  { program: "ffmpeg", packages: { apt: "ffmpeg", dnf: "ffmpeg-free", apk: "ffmpeg" }, required: false },
  {
    program: "xdg-open",
    packages: { apt: "xdg-utils", dnf: "xdg-utils", apk: "xdg-utils" },
    required: false,
  },
  { program: "xterm", packages: { apt: "xterm", dnf: "xterm", apk: "xterm" }, required: false },
  { program: "dbus-daemon", packages: { apt: "dbus", dnf: "dbus-daemon", apk: "dbus" }, required: false },
  {
    program: "at-spi-bus-launcher",
    packages: { apt: "at-spi2-core", dnf: "at-spi2-core", apk: "at-spi2-core" },
    required: false,
    // Debian and Fedora, then Debian before 12.
    paths: ["/usr/libexec/at-spi-bus-launcher", "/usr/lib/at-spi2-core/at-spi-bus-launcher"],
  },
];

/** Chromium, which an installation adds only on request, because it is large. */
export const browserPackage: Readonly<Record<PackageManager, string>> = {
  apt: "chromium",
  dnf: "chromium",
  apk: "chromium",
};

export const installCommand = "holdfast sandbox install desktop --yes";

/** Finds a program as execvp(3) would; undefined if there is none. */
export function findProgram(program: string, path: string | undefined): string | undefined {
  if (program.includes("/")) return isExecutable(program) ? program : undefined;
  return (path ?? "/usr/local/bin:/usr/bin:/bin")
    .split(delimiter)
    .map((directory) => join(directory, program))
    .find(isExecutable);
}

/** Finds a program of the desktop, in PATH or where distributions put it. */
export function findDesktopProgram(program: string, path: string | undefined): string | undefined {
  const paths = desktopPrograms.find((each) => each.program === program)?.paths ?? [];
  return findProgram(program, path) ?? paths.find((each) => findProgram(each, path) !== undefined);
}

/** Returns the required programs that PATH does not have. */
export function missingPrograms(path: string | undefined): string[] {
  return desktopPrograms
    .filter(({ program, required }) => required && findProgram(program, path) === undefined)
    .map(({ program }) => program);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}
