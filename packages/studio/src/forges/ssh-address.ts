/** Addresses of repositories over SSH: `ssh://user@host:port/path`, and `user@host:path` as git writes it. */

export interface SshAddress {
  /** As it was given: the path of the second form begins at the home of the user. */
  readonly url: string;
  readonly user: string;
  readonly host: string;
  readonly port: number;
  /** Without a slash at its beginning and ".git" at its end. */
  readonly path: string;
}

/** Undefined for what is no address over SSH. Nothing in one can be read as an option, or by a shell. */
export function readSshAddress(text: string): SshAddress | undefined {
  const url = text.trim().replace(/\/+$/, "");
  const matched =
    /^ssh:\/\/(?<user>\w[\w.-]*)@(?<host>\w[\w.-]*)(?::(?<port>\d{1,5}))?\/(?<path>[\w.~/+@-]+)$/.exec(url) ??
    /^(?<user>\w[\w.-]*)@(?<host>\w[\w.-]*):(?!\/\/)(?<path>[\w.~/+@-]+)$/.exec(url);
  const { user = "", host = "", port = "22", path = "" } = matched?.groups ?? {};
  const trimmed = path.replace(/^\/+/, "").replace(/\.git$/, "");
  if (matched === null || trimmed === "" || /^-/.test(path)) return undefined;
  return { url, user, host, port: Number(port), path: trimmed };
}
