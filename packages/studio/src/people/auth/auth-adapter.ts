import { HoldfastError } from "@holdfast/core";
import { type CustomAdapter, createAdapterFactory } from "better-auth/adapters";
import type { PeopleActors } from "../actors/people-actors.ts";
import type { Row } from "../actors/where.ts";
import { sha256 } from "../hash.ts";
import { accountValue, emailValue, type UniqueValue, UniqueValues } from "../unique-values.ts";
import { type AdapterWhere, fromRow, toConditions, toPage, toRow } from "./auth-rows.ts";

/** The models of better-auth that have a place in the actors. */
type Model = "user" | "session" | "account" | "verification";

/** Accounts with a password have the person's own id as their account, which is unique anyway. */
const passwordProvider = "credential";

/**
 * The database adapter of better-auth over the actors: a person's rows are in their own actor, and what is to be proven
 * in one by its identifier. So each query must say whose rows it wants: by the id, the e-mail address, the token of a
 * session (which begins with the id), or an account at a provider. Others throw `people.invalid_query`.
 */
export function actorAdapter(actors: PeopleActors) {
  return createAdapterFactory({
    config: {
      adapterId: "holdfast-actors",
      supportsBooleans: false,
      supportsDates: true,
      supportsNumericIds: false,
      transaction: false,
    },
    // The types of the library ask for generic results, which rows of a table cannot have.
    adapter: () => new ActorAdapter(actors).methods() as unknown as CustomAdapter,
  });
}

interface Query {
  readonly model: string;
  readonly where?: readonly AdapterWhere[] | undefined;
}

interface FindQuery extends Query {
  readonly limit?: number | undefined;
  readonly offset?: number | undefined;
  readonly sortBy?: { readonly field: string; readonly direction: "asc" | "desc" } | undefined;
}

type Data = Readonly<Record<string, unknown>>;

class ActorAdapter {
  readonly #actors: PeopleActors;
  readonly #unique: UniqueValues;

  constructor(actors: PeopleActors) {
    this.#actors = actors;
    this.#unique = new UniqueValues(actors);
  }

  methods() {
    return {
      create: ({ model, data }: { readonly model: string; readonly data: Data }) =>
        this.#create(modelOf(model), data),
      findOne: async (query: FindQuery) => (await this.#find({ ...query, limit: 1 }))[0] ?? null,
      findMany: (query: FindQuery) => this.#find(query),
      count: async (query: Query) => (await this.#find(query)).length,
      update: async (query: Query & { readonly update: Data }) =>
        query.where?.length === 0 ? null : ((await this.#update(query))[0] ?? null),
      updateMany: async (query: Query & { readonly update: Data }) => (await this.#update(query)).length,
      delete: async (query: Query) => {
        if (query.where?.length !== 0) await this.#remove(query);
      },
      deleteMany: async (query: Query) => (await this.#remove(query)).length,
      consumeOne: async (query: Query) => (await this.#remove(query, 1))[0] ?? null,
    };
  }

  async #create(model: Model, given: Data): Promise<Data> {
    if (model === "verification") {
      const key = sha256(String(given["identifier"]));
      const data = { ...given, id: `${key}_${String(given["id"])}` };
      await this.#actors.verification(key, "insert", toRow(model, data));
      return data;
    }
    const person = String(model === "user" ? given["id"] : given["userId"]);
    const data = model === "user" ? given : { ...given, id: `${person}_${String(given["id"])}` };
    const insert = () => this.#actors.user<void>(person, "insert", model, toRow(model, data));
    const value = uniqueValueOf(model, data);
    if (value === undefined) await insert();
    else {
      const write = async () => {
        if (model === "user") await this.#actors.createUser(person);
        await insert();
      };
      const id = [{ column: "id", operator: "eq", value: String(data["id"]) }];
      await this.#unique.claim(value, person, write, () => this.#actors.user(person, "remove", model, id));
    }
    return data;
  }

  async #find({ model: name, where = [], ...rest }: FindQuery): Promise<readonly Data[]> {
    const model = modelOf(name);
    const found: Data[] = [];
    const conditions = toConditions(model, where);
    for (const place of await this.#places(model, where)) {
      const page = toPage(model, rest);
      const rows =
        model === "verification"
          ? await this.#actors.verification<readonly Row[]>(place, "find", conditions, page)
          : await this.#actors.knownUser<readonly Row[]>(place, [], "find", model, conditions, page);
      found.push(...rows.map((row) => fromRow(model, row, where)));
    }
    return rest.limit === undefined ? found : found.slice(0, rest.limit);
  }

  async #update({
    model: name,
    where = [],
    update,
  }: Query & { readonly update: Data }): Promise<readonly Data[]> {
    const model = modelOf(name);
    const conditions = toConditions(model, where);
    const changes = toRow(model, update);
    const found: Data[] = [];
    for (const place of await this.#places(model, where)) {
      const change = () =>
        model === "verification"
          ? this.#actors.verification<readonly Row[]>(place, "update", conditions, changes)
          : this.#actors.knownUser<readonly Row[]>(place, [], "update", model, conditions, changes);
      const rows = model === "user" ? await this.#changeUser(place, update, change) : await change();
      found.push(...rows.map((row) => fromRow(model, row, where)));
    }
    return found;
  }

  /** A new e-mail address is claimed before the old one is given up. */
  async #changeUser(
    person: string,
    update: Data,
    change: () => Promise<readonly Row[]>,
  ): Promise<readonly Row[]> {
    const [before] = await this.#actors.knownUser<readonly Row[]>(person, [], "find", "user", []);
    const email = update["email"];
    if (before === undefined || typeof email !== "string") return change();
    const [from, to] = [emailValue(String(before["email"])), emailValue(email)];
    if (from.text === to.text) return change();
    let rows: readonly Row[] = [];
    const write = async () => {
      rows = await change();
    };
    const undo = () => this.#actors.user<void>(person, "update", "user", [], { email: from.text });
    await this.#unique.claim(to, person, write, undo);
    await this.#unique.release(from, person);
    return rows;
  }

  async #remove({ model: name, where = [] }: Query, limit?: number): Promise<readonly Data[]> {
    const model = modelOf(name);
    // Each actor of verifications drops what has expired by itself.
    if (model === "verification" && where.every(({ field }) => field === "expiresAt")) return [];
    const conditions = toConditions(model, where);
    const found: Data[] = [];
    for (const place of await this.#places(model, where)) {
      const rows =
        model === "verification"
          ? await this.#actors.verification<readonly Row[]>(place, "remove", conditions, limit)
          : await this.#actors.knownUser<readonly Row[]>(place, [], "remove", model, conditions, limit);
      for (const row of rows) {
        const data = fromRow(model, row, where);
        const value = uniqueValueOf(model, data);
        if (value !== undefined) await this.#unique.release(value, place);
        found.push(data);
      }
    }
    return found;
  }

  /** The actors whose rows a query is about: ids of people, or hashes of identifiers. */
  async #places(model: Model, where: readonly AdapterWhere[]): Promise<readonly string[]> {
    if (where.some(({ connector }) => connector === "OR")) throw noPlace(model);
    const values = (field: string) => {
      const clause = where.find((each) => each.field === field);
      if (clause?.operator === "in" && Array.isArray(clause.value)) return clause.value.map(String);
      const isGiven = clause?.operator === undefined || clause.operator === "eq";
      return clause !== undefined && isGiven && typeof clause.value === "string" ? [clause.value] : undefined;
    };
    const prefixes = (texts: readonly string[]) => [
      ...new Set(texts.map((text) => text.split("_", 1)[0] ?? "")),
    ];
    const id = values("id");
    if (model === "verification") {
      const identifier = values("identifier");
      if (identifier !== undefined) return identifier.map(sha256);
      if (id !== undefined) return prefixes(id);
      throw noPlace(model);
    }
    const user = values(model === "user" ? "id" : "userId");
    if (user !== undefined) return user;
    if (model !== "user" && id !== undefined) return prefixes(id);
    const token = model === "session" ? values("token") : undefined;
    if (token !== undefined) return prefixes(token);
    const [email] = (model === "user" ? values("email") : undefined) ?? [];
    if (email !== undefined) return listOf(await this.#unique.find(emailValue(email)));
    const [account] = (model === "account" ? values("accountId") : undefined) ?? [];
    const [provider] = values("providerId") ?? [];
    if (account === undefined || provider === undefined) throw noPlace(model);
    if (provider === passwordProvider) return [account];
    return listOf(await this.#unique.find(accountValue(provider, account)));
  }
}

function listOf(text: string | undefined): readonly string[] {
  return text === undefined ? [] : [text];
}

function modelOf(name: string): Model {
  if (name === "user" || name === "session" || name === "account" || name === "verification") return name;
  throw new HoldfastError("people", "invalid_query", `There is no place for ${name}`);
}

/** What is unique among all people about a row; undefined for rows of which nothing is. */
function uniqueValueOf(model: Model, data: Data): UniqueValue | undefined {
  if (model === "user") return emailValue(String(data["email"]));
  if (model !== "account" || data["providerId"] === passwordProvider) return undefined;
  return accountValue(String(data["providerId"]), String(data["accountId"]));
}

function noPlace(model: Model): HoldfastError {
  const message = `A query of ${model} must say whose rows it wants`;
  return new HoldfastError("people", "invalid_query", message);
}
