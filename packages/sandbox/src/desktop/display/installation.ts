import { problem } from "../../http/problem.ts";
import {
  browserPackage,
  desktopPrograms,
  findDesktopProgram,
  findProgram,
  type PackageManager,
} from "./programs.ts";

/** The commands that install what a desktop needs. */
export interface InstallationPlan {
  readonly manager: PackageManager;
  readonly packages: readonly string[];
  /** Each a program with its arguments, to be run as root. */
  readonly commands: readonly (readonly string[])[];
}

export const packageManagers: readonly PackageManager[] = ["apt", "dnf", "apk"];

const programs: Readonly<Record<PackageManager, string>> = { apt: "apt-get", dnf: "dnf", apk: "apk" };
const fonts: Readonly<Record<PackageManager, string>> = {
  apt: "fonts-dejavu-core",
  dnf: "dejavu-sans-fonts",
  apk: "font-dejavu",
};

/** Plans the installation of the programs that PATH does not have. Fonts are always named: their presence is not checked. */
export function planInstallation(options: {
  readonly manager?: PackageManager;
  readonly withFonts: boolean;
  readonly withBrowser: boolean;
  readonly path: string | undefined;
}): InstallationPlan {
  const manager =
    options.manager ??
    packageManagers.find((each) => findProgram(programs[each], options.path) !== undefined);
  if (manager === undefined) {
    throw problem(
      "install_failed",
      500,
      `none of ${Object.values(programs).join(", ")} is here: install Xvfb, openbox, ffmpeg, xdg-utils and xterm yourself`,
    );
  }
  const missing = desktopPrograms.filter(
    ({ program }) => findDesktopProgram(program, options.path) === undefined,
  );
  const packages = [
    ...missing.map((each) => each.packages[manager]),
    ...(options.withBrowser && findProgram("chromium", options.path) === undefined
      ? [browserPackage[manager]]
      : []),
    ...(options.withFonts ? [fonts[manager]] : []),
  ];
  return { manager, packages, commands: packages.length === 0 ? [] : commandsOf(manager, packages) };
}

function commandsOf(manager: PackageManager, packages: readonly string[]): readonly (readonly string[])[] {
  switch (manager) {
    case "apt":
      return [
        ["apt-get", "update"],
        ["apt-get", "install", "-y", "--no-install-recommends", ...packages],
      ];
    case "dnf":
      return [["dnf", "install", "-y", ...packages]];
    case "apk":
      return [["apk", "add", ...packages]];
  }
}
