import { createHash } from "node:crypto";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { type ClientBase, createClient } from "@holdfast/client";
import { type Role, roles } from "../../src/access/roles.ts";
import { createStudio, type Person, type Studio } from "../../src/index.ts";
import { type Owner, temporaryFolder } from "../support.ts";

/** The headers by which a request says whose it is. Nobody's is without any. */
export type Credentials = Readonly<Record<string, string>>;

/** Signed out; everyone with a role in the local organization; the owner of another one; somebody in none. */
export const people = {
  nobody: {},
  viewer: { "x-person": "viewer@local" },
  member: { "x-person": "member@local" },
  admin: { "x-person": "admin@local" },
  owner: { "x-person": "owner@local" },
  stranger: { "x-person": "owner@other" },
  newcomer: { "x-person": "" },
} satisfies Readonly<Record<string, Credentials>> & Readonly<Record<Role, Credentials>>;

export type PersonName = keyof typeof people;

/** Reads `ROLE@ORGANIZATION`, as a proxy that signs people in would send it. */
function readPerson(value: string): Person {
  const [role, organization] = value.split("@");
  const known = roles.find((each) => each === role);
  return {
    id: idOf(value),
    isOperator: false,
    roleIn: (id) => (id === organization ? known : undefined),
  };
}

function idOf(value: string): string {
  return createHash("sha256").update(value).digest("hex");
}

export function personId(person: PersonName): string {
  const credentials: Credentials = people[person];
  return idOf(credentials["x-person"] ?? "nobody");
}

/** A Studio whose people are those of {@link people}, which runs no task. */
export async function startWithPeople(t: Owner): Promise<Studio> {
  const studio = await createStudio({
    dataDirectory: join(temporaryFolder(), "data"),
    webDirectory: temporaryFolder(),
    environment: { PATH: process.env.PATH },
    vault: { logins: false },
    runTasks: false,
    identify: (request) => {
      const value = request.header("x-person");
      return value === undefined ? undefined : readPerson(value);
    },
  });
  t.after(() => studio.close());
  return studio;
}

/** A client of the actors that sends these headers, over its WebSockets too. */
export function connectAs(t: TestContext, url: string, headers: Credentials): ClientBase {
  class PersonWebSocket extends WebSocket {
    constructor(address: string, protocols: string | string[] = []) {
      // Node also accepts an options object, which the browser types lack.
      super(address, { protocols, headers } as unknown as string[]);
    }
  }
  const client = createClient({ endpoint: url, headers: { ...headers }, WebSocket: PersonWebSocket });
  t.after(() => client.dispose());
  return client;
}
