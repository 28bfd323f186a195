import { visibleText } from "@holdfast/sandbox-react/visible-text";
import { ErrorNotice, useAnnounce } from "@holdfast/web-parts";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useId, useState } from "react";
import { useApi } from "../../api/context.ts";
import { keys } from "../../api/queries.ts";
import type { Session } from "../../api/types.ts";
import { readSettings, type Setting, toSessionChange } from "./settings.ts";

/** Form for mode, model and other options that the agent offers; renders nothing if there are none. */
export function SessionSettings({ session }: { readonly session: Session }) {
  const settings = readSettings(session);
  if (settings.length === 0) return null;
  return (
    <fieldset className="session-settings" aria-label="Settings of the agent">
      {settings.map((setting) => (
        <SettingField key={`${setting.kind} ${setting.id}`} session={session} setting={setting} />
      ))}
    </fieldset>
  );
}

function SettingField({ session, setting }: { readonly session: Session; readonly setting: Setting }) {
  const api = useApi();
  const queries = useQueryClient();
  const announce = useAnnounce();
  const id = useId();
  // Optimistic value, shown until the agent has accepted or refused it.
  const [chosen, setChosen] = useState<string>();
  const change = useMutation({
    // Mutations of a session run in sequence: the arrow keys cause one for each step to the wanted value.
    scope: { id: `settings ${session.id}` },
    mutationFn: (value: string) => api.changeSession(session.id, toSessionChange(setting, value)),
    // A pending response would contain the previous value.
    onMutate: () => queries.cancelQueries({ queryKey: keys.session(session.id) }),
    onSuccess(changed, value) {
      queries.setQueryData(keys.session(session.id), changed);
      announce(`${setting.label}: ${nameOf(setting, value)}`);
    },
    onError: () => announce(`${setting.label} was not changed`, "assertive"),
    onSettled(_changed, _error, value) {
      setChosen((now) => (now === value ? undefined : now));
      void queries.invalidateQueries({ queryKey: keys.sessions });
    },
  });
  const shown = chosen ?? setting.current;
  const isKnown = setting.choices.some(({ value }) => value === shown);
  return (
    <div className="field-inline">
      <label htmlFor={id}>{visibleText(setting.label)}</label>
      <select
        id={id}
        value={shown}
        aria-busy={change.isPending}
        onChange={(event) => {
          setChosen(event.target.value);
          change.mutate(event.target.value);
        }}
      >
        {!isKnown && <option value={shown}>{shown === "" ? "Not set" : visibleText(shown)}</option>}
        {setting.choices.map(({ value, name }) => (
          <option key={value} value={value}>
            {visibleText(name)}
          </option>
        ))}
      </select>
      {change.isError && <ErrorNotice error={change.error} title={`${setting.label} was not changed.`} />}
    </div>
  );
}

function nameOf(setting: Setting, value: string): string {
  return visibleText(setting.choices.find((choice) => choice.value === value)?.name ?? value);
}
