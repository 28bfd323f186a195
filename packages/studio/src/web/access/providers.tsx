import { ErrorNotice } from "@holdfast/web-parts";
import { useMutation, useQuery } from "@tanstack/react-query";
import { leaveForProvider, providersQuery } from "../shared/people.ts";

/** Buttons to sign in with an account elsewhere, or to join with one by an invitation. */
export function ProviderButtons({
  invitation,
  before,
}: {
  readonly invitation?: string;
  /** Runs before the browser leaves. */
  readonly before?: () => Promise<unknown>;
}) {
  const providers = useQuery(providersQuery).data ?? [];
  const leave = useMutation({
    mutationFn: async (id: string) => {
      await before?.();
      await leaveForProvider(`/people/providers/${id}`, invitation === undefined ? {} : { invitation });
    },
  });
  if (providers.length === 0) return null;
  return (
    <div className="access-form">
      {providers.map(({ id, name }) => (
        <button
          key={id}
          type="button"
          className="button button-wide"
          disabled={leave.isPending || leave.isSuccess}
          onClick={() => leave.mutate(id)}
        >
          {invitation === undefined ? "Sign in" : "Join"} with {name}
        </button>
      ))}
      {leave.isError && <ErrorNotice error={leave.error} />}
    </div>
  );
}
