/** The agents and their passwords. Only the server calls it. */
import { randomBytes, randomUUID, scrypt, timingSafeEqual } from "node:crypto";
import { promisify } from "node:util";
import { actor, UserError } from "holdfast";
import type { Agent } from "./http/sessions.ts";
import { limits } from "./limits.ts";

export interface Member extends Agent {
  readonly salt: string;
  readonly hash: string;
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

export const team = actor({
  state: { members: [] as Member[] },
  onAuth: () => {
    throw new UserError("The team is not served", { code: "forbidden" });
  },
  actions: {
    members: (c): Agent[] => c.state.members.map(({ id, name }) => ({ id, name })),
    /** Adds an agent. Without a code of the team, only the first one can be added: whoever sets the product up. */
    join: async (c, name: string, password: string, hasCode: boolean): Promise<Agent> => {
      const salt = randomBytes(16).toString("base64");
      const hash = (await hashOf(password, salt)).toString("base64");
      const { members } = c.state;
      if (members.length > 0 && !hasCode)
        throw new UserError("New agents need the code of the team.", { code: "wrong_code" });
      if (members.some((each) => each.name.toLowerCase() === name.toLowerCase()))
        throw new UserError("This name is taken. Choose another one.", { code: "name_taken" });
      if (members.length >= limits.agents)
        throw new UserError(`A team has at most ${limits.agents} agents.`, { code: "full" });
      const agent = { id: randomUUID(), name };
      members.push({ ...agent, salt, hash, failures: 0, lastFailureAt: 0 });
      return agent;
    },
    /** Returns the agent whose password this is. */
    check: async (c, name: string, password: string): Promise<Agent> => {
      const member = c.state.members.find((each) => each.name.toLowerCase() === name.toLowerCase());
      if (member !== undefined && member.failures >= maxFailures) {
        if (Date.now() - member.lastFailureAt < pauseMs)
          throw new UserError("Too many wrong passwords. Wait half a minute.", { code: "too_many_attempts" });
      }
      const given = await hashOf(password, member?.salt ?? "");
      if (member === undefined || !timingSafeEqual(given, Buffer.from(member.hash, "base64"))) {
        if (member !== undefined) {
          member.failures += 1;
          member.lastFailureAt = Date.now();
        }
        throw new UserError("The name or the password is wrong.", { code: "wrong_password" });
      }
      member.failures = 0;
      return { id: member.id, name: member.name };
    },
  },
});
