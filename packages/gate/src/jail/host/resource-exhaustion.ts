/** Exhausted resource by system error code, and how to get more of it. */
const resources: Readonly<Record<string, string>> = {
  EMFILE: "this process has too many open files. Raise its limit (ulimit -n)",
  ENFILE: "this machine has too many open files. Raise its limit (sysctl fs.file-max)",
  EAGAIN: "this user has too many processes. Raise the limit (ulimit -u)",
  ENOMEM: "this machine has no memory left",
};

/**
 * The resource that ran out, where that is why a program could not be started; undefined for other faults. Nothing is
 * wrong with the program then, and installing it again would not help.
 */
export function exhaustedResource(fault: unknown): string | undefined {
  const code = fault instanceof Error && "code" in fault ? fault.code : undefined;
  return typeof code === "string" && Object.hasOwn(resources, code) ? resources[code] : undefined;
}
