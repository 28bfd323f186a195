import { ErrorNotice } from "@holdfast/web-parts";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, type ReactNode, useId, useState } from "react";
import type { ScheduleInput, ScheduleView } from "../../contract.ts";
import { useApi } from "../shared/context.ts";
import { repositoriesQuery } from "../shared/new-task/repositories.ts";
import { agentsQuery } from "../shared/queries.ts";
import { useCronWords } from "./cron-words.ts";
import { EventField } from "./event-field.tsx";
import { mergeSchedule } from "./live.ts";

const examples = [
  { cron: "0 9 * * 1-5", name: "Weekdays at 9:00" },
  { cron: "0 7 * * *", name: "Every day at 7:00" },
  { cron: "0 8 * * 1", name: "Mondays at 8:00" },
  { cron: "0 * * * *", name: "Every hour" },
] as const;

const here = Intl.DateTimeFormat().resolvedOptions().timeZone;
const sample = "sample";

/** Creates or changes a schedule. */
export function ScheduleForm({
  schedule,
  onDone,
}: {
  readonly schedule: ScheduleView | undefined;
  readonly onDone: () => void;
}) {
  const id = useId();
  const api = useApi();
  const queries = useQueryClient();
  const [input, setInput] = useState<ScheduleInput>(
    schedule ?? {
      name: "",
      cron: examples[0].cron,
      timezone: here,
      repository: sample,
      agent: "",
      prompt: "",
    },
  );
  const agents = (useQuery(agentsQuery(api)).data ?? []).filter(({ installed, ready }) => installed && ready);
  const agent = input.agent === "" ? (agents[0]?.id ?? "") : input.agent;
  const set = (change: Partial<ScheduleInput>) => setInput((known) => ({ ...known, ...change }));
  const save = useMutation({
    mutationFn: () => {
      const { name, cron, timezone, repository, branch, prompt, on } = input;
      return api.schedules.save({
        ...{ name, cron, timezone, repository, agent, prompt },
        ...(on === undefined ? {} : { on }),
        ...(branch === undefined || branch === "" ? {} : { branch }),
        ...(schedule === undefined ? {} : { id: schedule.id }),
      });
    },
    onSuccess(saved) {
      mergeSchedule(queries, saved);
      onDone();
    },
  });
  return (
    <form
      className="schedule-form"
      aria-label={schedule === undefined ? "New schedule" : `Change ${schedule.name}`}
      onSubmit={(event: FormEvent) => {
        event.preventDefault();
        if (!save.isPending) save.mutate();
      }}
    >
      <Field id={`${id}-name`} label="Name">
        <input
          id={`${id}-name`}
          type="text"
          required
          maxLength={80}
          value={input.name}
          onChange={({ target }) => set({ name: target.value })}
        />
      </Field>
      <fieldset className="schedule-when">
        <legend>Runs</legend>
        <label>
          <input
            type="radio"
            name={`${id}-when`}
            checked={input.on === undefined}
            onChange={() =>
              setInput(({ on: _, ...known }) => ({ ...known, cron: known.cron || examples[0].cron }))
            }
          />
          At times
        </label>
        <label>
          <input
            type="radio"
            name={`${id}-when`}
            checked={input.on !== undefined}
            onChange={() => set({ on: { type: "checks-failed" } })}
          />
          On an event of the forge
        </label>
      </fieldset>
      {input.on === undefined ? (
        <Times id={id} input={input} onChange={set} />
      ) : (
        <EventField value={input.on} onChange={(on) => set({ on })} />
      )}
      <RepositoryChoice id={id} input={input} onChange={set} />
      <Field id={`${id}-agent`} label="Agent">
        <select id={`${id}-agent`} value={agent} onChange={({ target }) => set({ agent: target.value })}>
          {agents.map((each) => (
            <option key={each.id} value={each.id}>
              {each.name}
            </option>
          ))}
        </select>
      </Field>
      <Field id={`${id}-prompt`} label="Prompt">
        <textarea
          id={`${id}-prompt`}
          rows={4}
          required
          value={input.prompt}
          onChange={({ target }) => set({ prompt: target.value })}
        />
      </Field>
      {save.isError && <ErrorNotice error={save.error} title="The schedule was not saved." />}
      <div className="schedule-buttons">
        <button type="submit" className="button button-primary" disabled={save.isPending}>
          {schedule === undefined ? "Create schedule" : "Save"}
        </button>
        <button type="button" className="button" onClick={onDone}>
          Cancel
        </button>
      </div>
    </form>
  );
}

/** When it runs, as cron. */
function Times({
  id,
  input,
  onChange,
}: {
  readonly id: string;
  readonly input: ScheduleInput;
  readonly onChange: (change: Partial<ScheduleInput>) => void;
}) {
  const words = useCronWords(input.cron);
  return (
    <>
      <Field id={`${id}-cron`} label="Times" help={words === "" ? "Five fields of cron." : `${words}.`}>
        <input
          id={`${id}-cron`}
          type="text"
          className="mono"
          required
          value={input.cron}
          aria-describedby={`${id}-cron-help`}
          onChange={({ target }) => onChange({ cron: target.value })}
        />
        <div className="schedule-examples">
          {examples.map(({ cron, name }) => (
            <button
              key={cron}
              type="button"
              className="button button-small"
              onClick={() => onChange({ cron })}
            >
              {name}
            </button>
          ))}
        </div>
      </Field>
      <Field id={`${id}-zone`} label="Time zone of these times">
        <input
          id={`${id}-zone`}
          type="text"
          required
          list={`${id}-zones`}
          value={input.timezone}
          onChange={({ target }) => onChange({ timezone: target.value })}
        />
        <datalist id={`${id}-zones`}>
          {["UTC", ...Intl.supportedValuesOf("timeZone")].map((zone) => (
            <option key={zone} value={zone} />
          ))}
        </datalist>
      </Field>
    </>
  );
}

/** A connected repository, the sample, or a folder of the machine. */
function RepositoryChoice({
  id,
  input,
  onChange,
}: {
  readonly id: string;
  readonly input: ScheduleInput;
  readonly onChange: (change: Partial<ScheduleInput>) => void;
}) {
  const repositories = useQuery(repositoriesQuery(useApi())).data ?? [];
  const isListed = input.repository === sample || repositories.some((each) => each.id === input.repository);
  return (
    <>
      <Field id={`${id}-repository`} label="Repository">
        <select
          id={`${id}-repository`}
          value={isListed ? input.repository : ""}
          onChange={({ target }) => onChange({ repository: target.value, branch: "" })}
        >
          <option value={sample}>Sample repository</option>
          {repositories.map((each) => (
            <option key={each.id} value={each.id}>
              {each.name}
            </option>
          ))}
          <option value="">A folder of this machine</option>
        </select>
      </Field>
      {!isListed && (
        <Field id={`${id}-folder`} label="Folder">
          <input
            id={`${id}-folder`}
            type="text"
            required
            placeholder="/home/me/project"
            value={input.repository}
            onChange={({ target }) => onChange({ repository: target.value })}
          />
        </Field>
      )}
    </>
  );
}

function Field({
  id,
  label,
  help,
  children,
}: {
  readonly id: string;
  readonly label: string;
  readonly help?: string;
  readonly children: ReactNode;
}) {
  return (
    <div className="schedule-field">
      <label htmlFor={id}>{label}</label>
      {children}
      {help !== undefined && (
        <p id={`${id}-help`} className="muted small">
          {help}
        </p>
      )}
    </div>
  );
}
