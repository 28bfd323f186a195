import { spawn } from "node:child_process";

/** Hands a notice over; throws with a text for the list when that did not succeed. */
export type Way = (body: string, id: string, signal: AbortSignal) => Promise<void>;

export const wayTimeoutMs = 10_000;

/** To an address of the operator. Any answer but a 2xx is a failure. */
export function webhook(address: string): Way {
  return async (body, id, signal) => {
    const response = await fetch(address, {
      method: "POST",
      headers: { "content-type": "application/json", "idempotency-key": id },
      body,
      redirect: "manual",
      signal,
    });
    await response.body?.cancel();
    if (!response.ok) throw new Error(`The webhook answered ${response.status}`);
  };
}

/** To a program, without a shell: the notice is its input and never one of its arguments. */
export function command([program = "", ...args]: readonly string[], cwd: string): Way {
  return (body, id, signal) =>
    new Promise((resolve, reject) => {
      const child = spawn(program, args, {
        cwd,
        env: { PATH: process.env["PATH"], HOLDFAST_NOTICE: id },
        stdio: ["pipe", "ignore", "ignore"],
        killSignal: "SIGKILL",
        signal,
      });
      // One that does not read its input may still do its work.
      child.stdin.on("error", () => {});
      child.once("error", (error) =>
        reject(new Error(`The command did not run (${Reflect.get(error, "code")})`)),
      );
      child.once("exit", (code, killed) => {
        if (code === 0) resolve();
        else reject(new Error(`The command ended with ${code ?? killed}`));
      });
      child.stdin.end(body);
    });
}
