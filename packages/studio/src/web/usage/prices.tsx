import { visibleText } from "@holdfast/sandbox-react/visible-text";
import { ErrorNotice, Loading } from "@holdfast/web-parts";
import { formatCount } from "@holdfast/web-parts/format";
import { useQuery } from "@tanstack/react-query";
import { type SubmitEvent, useId, useState } from "react";
import type { PriceInput, PriceList, PriceView } from "../../contract/usage.ts";
import { useApi } from "../shared/context.ts";
import { pricesQuery, useMaySet, useUsageChange } from "./queries.ts";

/** The prices of models, those without one, and the form to set one. */
export function Prices() {
  const query = useQuery(pricesQuery(useApi()));
  const maySet = useMaySet();
  const [draft, setDraft] = useState<{ readonly model: string; readonly count: number }>({
    model: "",
    count: 0,
  });
  const edit = (model: string) => setDraft(({ count }) => ({ model, count: count + 1 }));
  const { data } = query;
  if (query.isPending) return <Loading label="Loading prices" rows={6} />;
  if (data === undefined) return <ErrorNotice error={query.error} onRetry={() => void query.refetch()} />;
  return (
    <>
      <p className="muted">
        US dollars for a million tokens. What comes with Holdfast was read from the providers' pages on{" "}
        {data.asOf}; a price that you set goes before it.
      </p>
      <Unpriced list={data.unpriced} onEdit={maySet ? edit : undefined} />
      {maySet && <PriceForm key={draft.count} model={draft.model} prices={data.prices} />}
      <PriceTable prices={data.prices} onEdit={maySet ? edit : undefined} />
    </>
  );
}

function Unpriced({
  list,
  onEdit,
}: {
  readonly list: PriceList["unpriced"];
  readonly onEdit: ((model: string) => void) | undefined;
}) {
  if (list.length === 0) return null;
  return (
    <ul className="rows" aria-label="Models without a price">
      {list.map(({ model, requests }) => (
        <li key={model} className="row usage-unpriced" data-unpriced={model}>
          <div className="row-main">
            <p className="row-title">{model === "" ? "Interrupted calls" : visibleText(model)}</p>
            <p className="muted">
              {model === ""
                ? `The server was killed during ${formatCount(requests)} calls. What they cost stays unknown.`
                : `No price: the cost of ${formatCount(requests)} ${requests === 1 ? "call" : "calls"} is unknown.`}
            </p>
          </div>
          {onEdit !== undefined && model !== "" && (
            <button type="button" className="button button-small" onClick={() => onEdit(model)}>
              Set a price
            </button>
          )}
        </li>
      ))}
    </ul>
  );
}

function PriceForm({
  model: start,
  prices,
}: {
  readonly model: string;
  readonly prices: readonly PriceView[];
}) {
  const id = useId();
  const known = prices.find((each) => each.model === start);
  const [model, setModel] = useState(start);
  const [rates, setRates] = useState({
    input: text(known?.input),
    output: text(known?.output),
    cacheRead: text(known?.cacheRead),
    cacheWrite: text(known?.cacheWrite),
  });
  const save = useUsageChange<PriceInput>((api, price) => api.usage.setPrice(price));
  const [input, output] = [numberOf(rates.input), numberOf(rates.output)];
  const isComplete = model.trim() !== "" && input !== undefined && output !== undefined;
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    if (save.isPending || model.trim() === "" || input === undefined || output === undefined) return;
    const [cacheRead, cacheWrite] = [numberOf(rates.cacheRead), numberOf(rates.cacheWrite)];
    save.mutate({
      ...{ model: model.trim(), input, output },
      ...(cacheRead === undefined ? {} : { cacheRead }),
      ...(cacheWrite === undefined ? {} : { cacheWrite }),
    });
  };
  return (
    <form className="usage-form" onSubmit={submit} aria-label="Price of a model">
      <div className="field">
        <label htmlFor={`${id}-model`}>Model</label>
        <input
          id={`${id}-model`}
          value={model}
          autoComplete="off"
          placeholder="my-model"
          onChange={(event) => setModel(event.target.value)}
        />
      </div>
      {(
        [
          ["input", "Input"],
          ["output", "Output"],
          ["cacheRead", "From a cache"],
          ["cacheWrite", "To a cache"],
        ] as const
      ).map(([name, label]) => (
        <div key={name} className="field">
          <label htmlFor={`${id}-${name}`}>{label}</label>
          <input
            id={`${id}-${name}`}
            inputMode="decimal"
            value={rates[name]}
            autoComplete="off"
            placeholder={name.startsWith("cache") ? "As input" : "0.00"}
            onChange={(event) => setRates({ ...rates, [name]: event.target.value })}
          />
        </div>
      ))}
      <button type="submit" className="button button-primary" disabled={save.isPending || !isComplete}>
        Set price
      </button>
      {save.isError && <ErrorNotice error={save.error} title="The price was not set." />}
    </form>
  );
}

const text = (rate: number | undefined) => (rate === undefined ? "" : String(rate));

function numberOf(typed: string): number | undefined {
  const value = Number(typed);
  return typed.trim() === "" || !Number.isFinite(value) || value < 0 ? undefined : value;
}

function PriceTable({
  prices,
  onEdit,
}: {
  readonly prices: readonly PriceView[];
  readonly onEdit: ((model: string) => void) | undefined;
}) {
  const remove = useUsageChange<string>((api, model) => api.usage.removePrice(model));
  return (
    <section
      className="usage-scroll"
      aria-label="Prices"
      // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls sideways must be reachable with the keyboard.
      tabIndex={0}
    >
      <table className="usage-table">
        <thead>
          <tr>
            <th scope="col">Model</th>
            <th scope="col">Input</th>
            <th scope="col">Output</th>
            <th scope="col">From a cache</th>
            <th scope="col">From</th>
            {onEdit !== undefined && <th scope="col">Change</th>}
          </tr>
        </thead>
        <tbody>
          {prices.map(({ model, input, output, cacheRead, source, isUsed }) => (
            <tr key={model} data-price={model}>
              <th scope="row">
                {visibleText(model)} {isUsed && <span className="tag">used</span>}
              </th>
              <td>${input}</td>
              <td>${output}</td>
              <td>${cacheRead ?? input}</td>
              <td>
                {source === "edited" ? "set here" : source === "configured" ? "egress.json" : "Holdfast"}
              </td>
              {onEdit !== undefined && (
                <td>
                  <span className="usage-actions">
                    <button
                      type="button"
                      className="link-button"
                      aria-label={`Change the price of ${model}`}
                      onClick={() => onEdit(model)}
                    >
                      Change
                    </button>
                    {source === "edited" && (
                      <button
                        type="button"
                        className="link-button"
                        aria-label={`Reset the price of ${model}`}
                        onClick={() => remove.mutate(model)}
                      >
                        Reset
                      </button>
                    )}
                  </span>
                </td>
              )}
            </tr>
          ))}
        </tbody>
      </table>
      {remove.isError && <ErrorNotice error={remove.error} title="The price was not reset." />}
    </section>
  );
}
