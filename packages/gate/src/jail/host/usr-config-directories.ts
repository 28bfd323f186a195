import { realpathSync, statSync } from "node:fs";

/**
 * Directories of the host's /usr with configuration rather than programs: npm keeps registry tokens there (`npm config
 * --global`), and a git that was built on this machine its `gitconfig`. A jail sees empty directories instead. One that
 * is a link out of /usr is left out, since it leads nowhere in a jail.
 */
export function usrConfigDirectories(): string[] {
  const own = ["/usr/etc", "/usr/local/etc"].flatMap((path) => {
    const isDirectory = statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
    return isDirectory ? [realpathSync(path)] : [];
  });
  return [...new Set(own)].filter((path) => path.startsWith("/usr/"));
}
