#pragma once

#include "engine/sql/sql_text.h"

namespace syncline::sql {

// The roles that the session's role `me` trusts with what runs as `me`, as common table expressions
// of PostgreSQL that go behind WITH RECURSIVE. `peers` (oid) are those whose word may stand for as
// long as a session lives:
// - `me`, superusers, and the members of `me`, who can become it anyway;
// - unless `me` is a superuser: the database's owner, who could take away what `me` has in it. A
//   superuser would give the owner the whole server.
// `trusted` has besides, unless `me` is a superuser, the groups that `me` is a member of and whose
// every other member that can log in is a peer: what such a group owns nobody else can change. That
// `me` is a member of a group is not enough, since the others in it could run code as `me`. A group
// gets members at any time, so whoever relies on one has to look again.
inline constexpr Sql kTrustedRoles = R"(
  me AS (SELECT r.oid, r.rolsuper FROM pg_catalog.pg_roles r WHERE r.rolname = CURRENT_USER),
  base AS (SELECT d.datdba FROM pg_catalog.pg_database d
           WHERE d.datname = pg_catalog.current_database()),
  peers AS (
    SELECT r.oid FROM pg_catalog.pg_roles r, me, base
    WHERE r.rolsuper OR pg_catalog.pg_has_role(r.oid, me.oid, 'MEMBER')
      OR (NOT me.rolsuper AND r.oid = base.datdba)),
  trusted AS (
    SELECT oid FROM peers
    UNION
    SELECT r.oid FROM pg_catalog.pg_roles r, me
    WHERE NOT me.rolsuper AND pg_catalog.pg_has_role(me.oid, r.oid, 'MEMBER')
      AND NOT EXISTS (SELECT FROM pg_catalog.pg_roles m
                      WHERE m.rolcanlogin AND pg_catalog.pg_has_role(m.oid, r.oid, 'MEMBER')
                        AND m.oid NOT IN (SELECT oid FROM peers))))";

// What a row `types` (oid), a type, is made of, as a subquery of one column, oid: an array's
// elements, what a domain or a range is over, a multirange's range and a row type's columns. The
// system's own types have no parts.
inline constexpr Sql kTypeParts = R"((
    SELECT d.refobjid AS oid FROM pg_catalog.pg_depend d
    WHERE d.classid = 'pg_catalog.pg_type'::pg_catalog.regclass AND d.objid = types.oid
      AND d.refclassid = 'pg_catalog.pg_type'::pg_catalog.regclass
    UNION ALL
    SELECT a.atttypid FROM pg_catalog.pg_type t
    JOIN pg_catalog.pg_attribute a ON a.attrelid = t.typrelid
    WHERE t.oid = types.oid AND t.typtype = 'c' AND a.attnum > 0 AND NOT a.attisdropped))";

}  // namespace syncline::sql
