import { imageLibrary } from "./desktop/capture/image-library.ts";
import { terminalBinding } from "./internal/spawn/terminal.ts";

/** What mounts folders of the host for a sandbox server. */
export interface PackageMounts {
  /** Returns the path of the folder as the server sees it. */
  mount(directory: string, target: string, mode: "ro"): string;
}

/**
 * Mounts the packages with native code, which the bundle of a sandbox server cannot contain, below `modules`, and returns
 * the environment in which the server finds them: the terminal binding, and with `images` the library that writes
 * screenshots. On platforms without a binding, the server responds to terminals with 501; without the library,
 * screenshots take longer.
 */
export function mountNativePackages(
  layout: PackageMounts,
  modules: string,
  { images = false } = {},
): Readonly<Record<string, string>> {
  const binding = terminalBinding();
  const packages = [...(binding === undefined ? [] : [binding]), ...(images ? imageLibrary() : [])];
  const folders = packages.map(({ name, directory }) => {
    const mountedAt = layout.mount(directory, `${modules}/${name}`, "ro");
    return mountedAt.slice(0, -name.length - 1);
  });
  return folders.length === 0 ? {} : { NODE_PATH: [...new Set(folders)].join(":") };
}
