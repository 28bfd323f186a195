/** The screen of a desktop: its programs, the X server, the window manager. */
import { accessSync, constants, statSync } from "node:fs";
import { delimiter, join } from "node:path";

export type PackageManager = "apt" | "dnf" | "apk";

interface DesktopProgram {
  readonly program: string;
  readonly packages: Readonly<Record<PackageManager, string>>;
  /** Without it the desktop does not start. */
  readonly required: boolean;
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
];

export const installCommand = "holdfast sandbox install desktop --yes";

/** Finds a program as execvp(3) would; undefined if there is none. */
export function findProgram(program: string, path: string | undefined): string | undefined {
  if (program.includes("/")) return isExecutable(program) ? program : undefined;
  return (path ?? "/usr/local/bin:/usr/bin:/bin")
    .split(delimiter)
    .map((directory) => join(directory, program))
    .find(isExecutable);
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
