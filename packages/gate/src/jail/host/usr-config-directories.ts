import { realpathSync, statSync } from "node:fs";

/**
 * Directories of the host's /usr that hold what its owner set rather than programs: npm keeps the tokens of
 * registries that were set for the whole machine there (`npm config --global`), and a git that was built here its
 * `gitconfig`. As with /etc, a jail sees none of it. Where such a directory is a link to another part of the host
 * it leads nowhere in a jail, so only those that are below /usr themselves are named.
 */
export function usrConfigDirectories(): string[] {
  const own = ["/usr/etc", "/usr/local/etc"].flatMap((path) => {
    const isDirectory = statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
    return isDirectory ? [realpathSync(path)] : [];
  });
  return [...new Set(own)].filter((path) => path.startsWith("/usr/"));
}
