import { spawn } from "node:child_process";

/** Delivers a notice. Throws an error whose message is shown in the list. */
export type DeliveryChannel = (body: string, id: string, signal: AbortSignal) => Promise<void>;

export const deliveryTimeoutMs = 10_000;

/** Delivers to a webhook of the operator. Any status but 2xx is a failure. */
export function webhook(address: string): DeliveryChannel {
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

/** Delivers to a program, without a shell. The notice is its standard input and never an argument. */
export function command([program = "", ...args]: readonly string[], cwd: string): DeliveryChannel {
  return (body, id, signal) =>
    new Promise((resolve, reject) => {
      const child = spawn(program, args, {
        cwd,
        env: { PATH: process.env["PATH"], HOLDFAST_NOTICE: id },
        stdio: ["pipe", "ignore", "ignore"],
        killSignal: "SIGKILL",
        signal,
      });
      // EPIPE: a program that ignores its input may still succeed.
      child.stdin.on("error", () => {});
      child.once("error", (error) =>
        reject(new Error(`The command could not be started (${Reflect.get(error, "code")})`)),
      );
      child.once("exit", (code, killed) => {
        if (code === 0) resolve();
        else reject(new Error(`The command exited with ${code ?? killed}`));
      });
      child.stdin.end(body);
    });
}
