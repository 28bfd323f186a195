/** What each refusal of the system is for want of, and what gives more. */
const shortages: Readonly<Record<string, string>> = {
  EMFILE: "this process may open no more files: raise its limit (ulimit -n)",
  ENFILE: "this machine may open no more files: raise its limit (sysctl fs.file-max)",
  EAGAIN: "this user may start no more processes: raise the limit (ulimit -u)",
  ENOMEM: "this machine has no memory left",
};

/**
 * What there is too little of, where that is why a program could not be started; undefined where it is not.
 * Nothing is wrong with the program then, and to install it again would not help.
 */
export function exhaustedResource(fault: unknown): string | undefined {
  const code = fault instanceof Error && "code" in fault ? fault.code : undefined;
  return typeof code === "string" && Object.hasOwn(shortages, code) ? shortages[code] : undefined;
}
