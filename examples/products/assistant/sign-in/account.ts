/** An account: one for each name, in small letters. Only the server calls it. */
import { randomBytes, randomUUID, scrypt, timingSafeEqual } from "node:crypto";
import { promisify } from "node:util";
import { actor, UserError } from "holdfast";

interface Password {
  readonly salt: string;
  readonly hash: string;
}

export interface AccountState {
  userId: string;
  password: Password | undefined;
  failures: number;
  lastFailureAt: number;
}

/** From so many wrong passwords on, the next one is taken after a pause. */
const maxFailures = 5;
const pauseMs = 30_000;
const derive = promisify<string, Buffer, number, Buffer>(scrypt);

async function hashOf(password: string, salt: string): Promise<Buffer> {
  return await derive(password, Buffer.from(salt, "base64"), 32);
}

export const account = actor({
  createState: (): AccountState => ({
    ...{ userId: randomUUID(), password: undefined, failures: 0, lastFailureAt: 0 },
  }),
  onAuth: () => {
    throw new UserError("Accounts are not served", { code: "forbidden" });
  },
  actions: {
    /** Sets the password of a new account and returns the id of its person. */
    register: async (c, password: string): Promise<string> => {
      const salt = randomBytes(16).toString("base64");
      const hash = (await hashOf(password, salt)).toString("base64");
      // Checked after the pause: somebody else may have taken the name meanwhile.
      if (c.state.password !== undefined)
        throw new UserError("This name is taken. Choose another one.", { code: "name_taken" });
      c.state.password = { salt, hash };
      return c.state.userId;
    },
    /** Returns the id of the person whose password this is. */
    check: async (c, password: string): Promise<string> => {
      const { state } = c;
      if (state.failures >= maxFailures && Date.now() - state.lastFailureAt < pauseMs)
        throw new UserError("Too many wrong passwords. Wait half a minute.", { code: "too_many_attempts" });
      const known = state.password;
      const given = await hashOf(password, known?.salt ?? "");
      if (known === undefined || !timingSafeEqual(given, Buffer.from(known.hash, "base64"))) {
        state.failures += 1;
        state.lastFailureAt = Date.now();
        throw new UserError("The name or the password is wrong.", { code: "wrong_password" });
      }
      state.failures = 0;
      return state.userId;
    },
  },
});
