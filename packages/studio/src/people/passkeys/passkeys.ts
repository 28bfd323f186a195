import { HoldfastError } from "@holdfast/core";
import type { AuthenticationResponseJSON, RegistrationResponseJSON } from "@simplewebauthn/server";
import type { Person } from "../../access/person.ts";
import type { PasskeyView } from "../../contract/people.ts";
import { studioLimits } from "../../limits.ts";
import type { PeopleActors } from "../actors/people-actors.ts";
import { tooManyPasskeys } from "../actors/user-passkeys.ts";
import type { Condition, Row } from "../actors/where.ts";
import { sha256 } from "../hash.ts";
import type { Challenges } from "./challenge.ts";
import type { RelyingParty } from "./relying-party.ts";

const table = "passkey";

export interface PasskeysOptions {
  readonly actors: PeopleActors;
  readonly challenges: () => Challenges;
  readonly now: () => number;
}

/** A passkey that a browser has made, and its name. */
export interface NewPasskey {
  readonly name: string;
  readonly response: RegistrationResponseJSON;
}

/**
 * Passkeys over the actors of people. Each is discoverable, so that its answer names the person, and always asks for the
 * finger, the face or the PIN of its holder.
 */
export class Passkeys {
  readonly #actors: PeopleActors;
  readonly #challenges: () => Challenges;
  readonly #now: () => number;

  constructor({ actors, challenges, now }: PasskeysOptions) {
    this.#actors = actors;
    this.#challenges = challenges;
    this.#now = now;
  }

  async list(person: Pick<Person, "id">): Promise<readonly PasskeyView[]> {
    return (await this.#rows(person.id)).map(toView);
  }

  /** What a browser needs to make a passkey. Throws `people.too_many_passkeys`, `people.package_missing`. */
  async registration(person: Person, site: RelyingParty): Promise<unknown> {
    const [user] = await this.#actors.user<readonly Row[]>(person.id, "find", "user", []);
    const rows = await this.#rows(person.id);
    if (rows.length >= studioLimits.maxPasskeysPerPerson) throw tooManyPasskeys();
    const { generateRegistrationOptions } = await loadLibrary();
    return await generateRegistrationOptions({
      rpName: "Holdfast",
      rpID: site.id,
      userID: new Uint8Array(Buffer.from(person.id)),
      userName: String(user?.["email"]),
      userDisplayName: String(user?.["name"]),
      challenge: new Uint8Array(Buffer.from(this.#challenges().make(registrationOf(person.id)), "base64url")),
      attestationType: "none",
      excludeCredentials: rows
        .filter((row) => row["rp_id"] === site.id)
        .map((row) => ({ id: String(row["credential_id"]), transports: transportsOf(row) })),
      authenticatorSelection: { residentKey: "required", userVerification: "required" },
    });
  }

  /** Adds a passkey. Throws `people.invalid_passkey`, `people.too_many_passkeys`, `people.already_exists`. */
  async add(person: Person, site: RelyingParty, { name, response }: NewPasskey): Promise<PasskeyView> {
    const { verifyRegistrationResponse } = await loadLibrary();
    let expiresAt: number | undefined;
    let used = "";
    const isOurs = (challenge: string) => {
      used = challenge;
      expiresAt = this.#challenges().expiryOf(challenge, registrationOf(person.id));
      return expiresAt !== undefined;
    };
    const { verified, registrationInfo } = await verifyRegistrationResponse({
      response,
      expectedChallenge: isOurs,
      expectedOrigin: site.origin,
      expectedRPID: site.id,
      requireUserVerification: true,
    }).catch((error: unknown) => {
      throw invalidPasskey("The passkey was not added. Try again.", error);
    });
    if (!verified || expiresAt === undefined) throw invalidPasskey("The passkey was not added. Try again.");
    const { credential, credentialDeviceType, credentialBackedUp } = registrationInfo;
    const row: Row = {
      id: crypto.randomUUID(),
      name,
      rp_id: site.id,
      credential_id: credential.id,
      public_key: Buffer.from(credential.publicKey).toString("base64url"),
      counter: credential.counter,
      transports: (credential.transports ?? []).join(","),
      is_synced: Number(credentialDeviceType === "multiDevice" && credentialBackedUp),
      created_at: this.#now(),
      last_used_at: null,
    };
    await this.#actors.user(person.id, "addPasskey", row, { hash: sha256(used), expiresAt });
    return toView(row);
  }

  /** Throws `people.passkey_not_found`. */
  async rename(person: Person, id: string, name: string): Promise<void> {
    const changed = await this.#actors.user<readonly Row[]>(person.id, "update", table, byId(id), { name });
    if (changed.length === 0) throw passkeyNotFound();
  }

  /** Throws `people.passkey_not_found`. */
  async remove(person: Person, id: string): Promise<void> {
    const removed = await this.#actors.user<readonly Row[]>(person.id, "remove", table, byId(id));
    if (removed.length === 0) throw passkeyNotFound();
  }

  /** What a browser needs to ask its person for a passkey. Nothing is stored. */
  async question(site: RelyingParty): Promise<unknown> {
    const { generateAuthenticationOptions } = await loadLibrary();
    return await generateAuthenticationOptions({
      rpID: site.id,
      challenge: new Uint8Array(Buffer.from(this.#challenges().make(signInPurpose), "base64url")),
      userVerification: "required",
    });
  }

  /** The person whose passkey has answered. Throws `people.invalid_passkey`. */
  async personOf(site: RelyingParty, response: AuthenticationResponseJSON): Promise<string> {
    const { verifyAuthenticationResponse } = await loadLibrary();
    const person = Buffer.from(response.response?.userHandle ?? "", "base64url").toString("utf8");
    const where: readonly Condition[] = [
      { column: "credential_id", operator: "eq", value: String(response.id) },
      { column: "rp_id", operator: "eq", value: site.id },
    ];
    const isId = /^[\w-]{1,64}$/.test(person);
    const [row] = isId ? await this.#actors.knownUser<readonly Row[]>(person, [], "find", table, where) : [];
    if (row === undefined)
      throw invalidPasskey(
        "This passkey is not known here: it was removed, or is for another account. Sign in another way, and add a new one on the page Account.",
      );
    let expiresAt: number | undefined;
    let used = "";
    const isOurs = (challenge: string) => {
      used = challenge;
      expiresAt = this.#challenges().expiryOf(challenge, signInPurpose);
      return expiresAt !== undefined;
    };
    const { verified, authenticationInfo } = await verifyAuthenticationResponse({
      response,
      expectedChallenge: isOurs,
      expectedOrigin: site.origin,
      expectedRPID: site.id,
      credential: {
        id: String(row["credential_id"]),
        publicKey: new Uint8Array(Buffer.from(String(row["public_key"]), "base64url")),
        counter: Number(row["counter"]),
      },
      requireUserVerification: true,
    }).catch((error: unknown) => {
      throw invalidPasskey("The passkey was not accepted. Try again.", error);
    });
    if (!verified || expiresAt === undefined)
      throw invalidPasskey("The passkey was not accepted. Try again.");
    const use = { id: String(row["id"]), counter: authenticationInfo.newCounter };
    const isNew = await this.#actors.user<boolean>(person, "passkeyUsed", use, {
      hash: sha256(used),
      expiresAt,
    });
    if (!isNew) throw invalidPasskey("This answer of the passkey was already used. Try again.");
    return person;
  }

  #rows(person: string): Promise<readonly Row[]> {
    const sortBy = { column: "created_at", descending: true };
    return this.#actors.user(person, "find", table, [], { sortBy });
  }
}

const signInPurpose = "sign-in";
const registrationOf = (person: string) => `register ${person}`;

function byId(id: string): readonly Condition[] {
  return [{ column: "id", operator: "eq", value: id }];
}

function transportsOf(row: Row): string[] {
  return String(row["transports"] ?? "")
    .split(",")
    .filter((each) => each !== "");
}

function toView(row: Row): PasskeyView {
  const usedAt = row["last_used_at"];
  return {
    id: String(row["id"]),
    name: String(row["name"]),
    site: String(row["rp_id"]),
    isSynced: row["is_synced"] === 1,
    createdAt: Number(row["created_at"]),
    lastUsedAt: typeof usedAt === "number" ? usedAt : null,
  };
}

async function loadLibrary() {
  return await import("@simplewebauthn/server").catch((error: unknown) => {
    const isMissing = error instanceof Error && "code" in error && error.code === "ERR_MODULE_NOT_FOUND";
    if (!isMissing) throw error;
    const message =
      "Passkeys need the package @simplewebauthn/server, which is not installed here. Install it: npm install @simplewebauthn/server@14";
    throw new HoldfastError("people", "package_missing", message, { statusCode: 400 });
  });
}

function invalidPasskey(message: string, cause?: unknown): HoldfastError {
  return new HoldfastError("people", "invalid_passkey", message, {
    statusCode: 403,
    ...(cause === undefined ? {} : { cause }),
  });
}

function passkeyNotFound(): HoldfastError {
  return new HoldfastError("people", "passkey_not_found", "There is no such passkey", { statusCode: 404 });
}
