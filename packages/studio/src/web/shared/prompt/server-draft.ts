/** Keeps a draft at the server, so that it is on every device of its person. */
import { tabStorage } from "@holdfast/web-parts";
import { useQuery } from "@tanstack/react-query";
import { useEffect, useMemo, useRef, useState } from "react";
import type { PromptDraft } from "../../../contract.ts";
import { useApi } from "../context.ts";
import { meQuery } from "../inbox/live.ts";
import type { StudioApi } from "../port.ts";
import {
  type ChangePrompt,
  emptyPrompt,
  isEmptyPrompt,
  type PromptValue,
  readPromptValue,
} from "./prompt-value.ts";

/** The pause after the last key before a draft is sent. */
const saveDelayMs = 800;

/** This page, among all that the person has open. */
const device = crypto.randomUUID();

/** The value that the server is known to have, as JSON. It tells whether this browser has something newer. */
class KnownValue {
  readonly #key: string;

  constructor(scope: string) {
    this.#key = `holdfast.draft.known.${scope}`;
  }

  /** Undefined if the server was never asked. */
  get(): string | undefined {
    return tabStorage()?.getItem(this.#key) ?? undefined;
  }

  set(value: PromptValue): void {
    try {
      tabStorage()?.setItem(this.#key, JSON.stringify(value));
    } catch {
      // A full storage: after a reload, what this browser has wins.
    }
  }
}

/** Sends changes of one draft to the server, and takes those of other devices. */
class DraftSync {
  readonly #api: StudioApi;
  readonly #person: string;
  readonly #scope: string;
  readonly #known: KnownValue;
  readonly #change: ChangePrompt;
  readonly #onSaved: (isSaved: boolean) => void;
  #value: PromptValue;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #isSaving = false;
  /** False until the server's draft is known, which may be the newer one. */
  #isOpen = false;

  constructor(
    options: { readonly api: StudioApi; readonly person: string; readonly scope: string },
    value: PromptValue,
    change: ChangePrompt,
    onSaved: (isSaved: boolean) => void,
  ) {
    this.#api = options.api;
    this.#person = options.person;
    this.#scope = options.scope;
    this.#known = new KnownValue(options.scope);
    this.#value = value;
    this.#change = change;
    this.#onSaved = onSaved;
  }

  /** Reads the draft of the server. What this browser has not sent yet stays. */
  async open(): Promise<void> {
    try {
      this.#take(await this.#api.drafts(this.#person).get(this.#scope));
      this.#isOpen = true;
      this.#plan(saveDelayMs);
    } catch {
      // It is read again with the next connection.
    }
  }

  take(draft: PromptDraft | null, from: string): void {
    if (from !== device && this.#isOpen) this.#take(draft);
  }

  changed(value: PromptValue): void {
    this.#value = value;
    // A prompt that was sent is not to come back on another device.
    this.#plan(isEmptyPrompt(value) ? 0 : saveDelayMs);
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    void this.#save();
  }

  get #isNewer(): boolean {
    const known = this.#known.get();
    return known === undefined ? !isEmptyPrompt(this.#value) : known !== JSON.stringify(this.#value);
  }

  #take(draft: PromptDraft | null): void {
    if (this.#isNewer) return;
    const { text, attachments } = readPromptValue(draft) ?? emptyPrompt;
    const value: PromptValue = { text, attachments };
    this.#known.set(value);
    if (JSON.stringify(value) === JSON.stringify(this.#value)) return;
    this.#value = value;
    this.#change(() => value);
  }

  #plan(delayMs: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#save(), delayMs);
  }

  async #save(): Promise<void> {
    if (this.#isSaving || !this.#isOpen || !this.#isNewer) return;
    this.#isSaving = true;
    const value = this.#value;
    try {
      await this.#api.drafts(this.#person).save(this.#scope, value, device);
      this.#known.set(value);
      this.#onSaved(true);
    } catch {
      // It stays in this browser, and is sent with the next change or the next connection.
      this.#onSaved(false);
    } finally {
      this.#isSaving = false;
    }
    if (value !== this.#value) this.#plan(saveDelayMs);
  }
}

/** Returns false while the draft is in this browser alone, because the server could not take it. */
export function useServerDraft(scope: string, value: PromptValue, change: ChangePrompt): boolean {
  const api = useApi();
  const { data: me } = useQuery({ ...meQuery(api), retry: false });
  const person = me?.id;
  const [isSaved, setSaved] = useState(true);
  const latest = useRef({ value, change });
  latest.current = { value, change };
  const sync = useMemo(
    () =>
      person === undefined
        ? undefined
        : new DraftSync(
            { api, person, scope },
            latest.current.value,
            (next) => latest.current.change(next),
            setSaved,
          ),
    [api, person, scope],
  );
  useEffect(() => {
    if (sync === undefined || person === undefined) return;
    const unwatch = api.watchDrafts(person, {
      on: { changed: ({ scope: of, device: from, draft }) => of === scope && sync.take(draft, from) },
      onState(next) {
        if (next === "online") void sync.open();
      },
    });
    return () => {
      unwatch();
      sync.close();
    };
  }, [api, person, scope, sync]);
  const { text, attachments } = value;
  useEffect(() => {
    sync?.changed({ text, attachments });
  }, [sync, text, attachments]);
  return isSaved;
}
