/** The list of all organizations of a Studio besides the first one. */
import { actor } from "@holdfast/actors";
import { HoldfastError } from "@holdfast/core";
import { localOrganization } from "../../access/organization-ids.ts";
import { studioLimits } from "../../limits.ts";
import type { BackendHost } from "../host.ts";
import { organizationNotFound } from "./existing.ts";

export interface DirectoryState {
  version: 1;
  /** Organizations by their ids. One that was deleted stays, without its name: no id is used again. */
  organizations: Record<string, DirectoryEntry>;
  /** What people have named the first organization. */
  localName?: string;
}

/** `deleting` is completed by the next start, which also deletes what it finds `importing` by no node that runs. */
export type OrganizationStatus = "importing" | "active" | "deleting" | "deleted";

export interface DirectoryEntry {
  id: string;
  name: string;
  status: OrganizationStatus;
  createdAt: number;
  /** Id of the person. */
  createdBy: string;
  /** The node that fills it, while it is `importing` on one of several nodes. */
  importedBy?: string;
}

export interface NewOrganization {
  readonly id: string;
  readonly name: string;
  readonly createdBy: string;
  /** True if it is filled first: nobody sees it until then. */
  readonly isImport?: boolean;
  /** The node that fills it, where there are several. */
  readonly importedBy?: string;
}

/** The name of the first organization before somebody gives it one. */
export const defaultLocalName = "First organization";

/** Clients cannot reach it. It has one key. */
export function createOrganizationDirectoryActor(host: Pick<BackendHost, "ports">) {
  const local = ({ localName }: DirectoryState): DirectoryEntry => ({
    ...{ id: localOrganization, name: localName ?? defaultLocalName, status: "active" },
    ...{ createdAt: 0, createdBy: "operator" },
  });
  const find = (state: DirectoryState, id: string) =>
    Object.hasOwn(state.organizations, id) ? state.organizations[id] : undefined;
  return actor({
    createState: (): DirectoryState => ({ version: 1, organizations: {} }),
    options: { name: "Organizations" },
    actions: {
      internal: {
        /** Adds an organization; idempotent. Throws `organization.too_many`. */
        add(c, { id, name, createdBy, isImport, importedBy }: NewOrganization): void {
          if (find(c.state, id) !== undefined) return;
          const { maxOrganizations } = studioLimits;
          const present = Object.values(c.state.organizations).filter(({ status }) => status !== "deleted");
          if (present.length >= maxOrganizations) {
            const message = `This server has ${maxOrganizations} organizations, the maximum. Delete one first.`;
            throw new HoldfastError("organization", "too_many", message, { statusCode: 409 });
          }
          const createdAt = host.ports.clock.now();
          const status = isImport === true ? "importing" : "active";
          const by = importedBy === undefined ? {} : { importedBy };
          c.state.organizations[id] = { id, name, createdBy, createdAt, status, ...by };
        },

        /** Throws `organization.not_found` unless there is such an organization, which is not being deleted. */
        require(c, id: string): DirectoryEntry {
          if (id === localOrganization) return local(c.state);
          const found = find(c.state, id);
          if (found?.status !== "active" && found?.status !== "importing") throw organizationNotFound();
          return { ...found };
        },

        /** All organizations that are not deleted, the first one at the front. */
        list: (c): readonly DirectoryEntry[] => [
          local(c.state),
          ...Object.values(c.state.organizations)
            .filter(({ status }) => status !== "deleted")
            .map((entry) => ({ ...entry })),
        ],

        /** Those of some ids whose organizations were deleted. An unknown one is not among them. */
        deletedOf: (c, ids: readonly string[]): readonly string[] =>
          ids.filter((id) => find(c.state, id)?.status === "deleted"),

        /** Throws `organization.not_found`. */
        rename(c, id: string, name: string): void {
          if (id === localOrganization) c.state.localName = name;
          else {
            const found = find(c.state, id);
            if (found?.status !== "active") throw organizationNotFound();
            found.name = name;
          }
        },

        /** Notes the intent to delete an organization: from then on, nothing can be created in it. */
        beginDeletion(c, id: string): void {
          const found = find(c.state, id);
          if (found === undefined) throw organizationNotFound();
          if (found.status !== "deleted") found.status = "deleting";
        },

        endImport(c, id: string): void {
          const found = find(c.state, id);
          if (found?.status !== "importing") throw organizationNotFound();
          found.status = "active";
          delete found.importedBy;
        },

        endDeletion(c, id: string): void {
          const found = find(c.state, id);
          if (found === undefined) throw organizationNotFound();
          found.status = "deleted";
          found.name = "";
        },
      },
    },
  });
}
