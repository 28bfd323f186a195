import { decodeJson, encodeJson, HoldfastError } from "@holdfast/core";
import { localOrganization, personalKey } from "../access/organization-ids.ts";
import type { Profile } from "../contract/people.ts";
import type { StudioTool } from "./tools.ts";

/** Calls the actions of a Studio over HTTP, as whoever the headers say. */
export class HttpCaller {
  readonly #url: string;
  readonly #headers: Readonly<Record<string, string>>;
  #organization: Promise<string> | undefined;

  constructor(url: string, headers: Readonly<Record<string, string>>) {
    this.#url = url;
    this.#headers = headers;
  }

  /** Throws the error that the Studio answers. */
  async call(tool: StudioTool, given: Readonly<Record<string, unknown>>): Promise<unknown> {
    const { actor, action, address } = tool;
    const key = await this.#keyOf(address, given);
    return this.#action(actor, key, action, tool.argumentsOf(given));
  }

  async #keyOf(address: StudioTool["address"], given: Readonly<Record<string, unknown>>) {
    const named = given[address === "person" ? "organization" : address];
    if (address !== "organization" && address !== "person") return [String(named)];
    const organization = named === undefined ? await this.#home() : String(named);
    if (address === "organization") return [organization];
    const me = (await this.#action("organization", [organization], "me", [])) as { readonly id: string };
    return personalKey(organization, me.id);
  }

  /** The first organization of the person; without accounts, the only one. */
  #home(): Promise<string> {
    this.#organization ??= (async () => {
      const response = await fetch(`${this.#url}/people/me`, { headers: this.#headers });
      if (!response.ok) return localOrganization;
      const { organizations } = (await response.json()) as Profile;
      return organizations[0]?.id ?? localOrganization;
    })();
    return this.#organization;
  }

  async #action(actor: string, key: readonly string[], action: string, args: readonly unknown[]) {
    const text = key.map((part) => `${encodeURIComponent(part)},`).join("");
    const create = creatable.has(actor) ? "?create=true" : "";
    const response = await fetch(`${this.#url}/actors/${actor}/@${text}/actions/${action}${create}`, {
      method: "POST",
      headers: { ...this.#headers, "content-type": "application/json" },
      body: encodeJson({ args }),
    });
    const answer = decodeJson(await response.text()) as Readonly<Record<string, unknown>>;
    if (response.ok) return answer["output"];
    const { group, code, detail, message } = answer;
    throw new HoldfastError(String(group), String(code), String(detail ?? message));
  }
}

/** Actors that exist as soon as somebody asks for them. */
const creatable: ReadonlySet<string> = new Set([
  ...["organization", "group", "inbox", "schedules", "attention", "usage", "administration"],
]);
