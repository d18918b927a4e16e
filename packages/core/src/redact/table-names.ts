/**
 * What a table's name in a rule can mean, each as `schema.table`: a name without a dot is in schema `public`. A name with one may
 * also be a name with a dot in it, in `public`: then both are redacted.
 */
export function tableNames(name: string): ReadonlySet<string> {
  return new Set(name.includes('.') ? [name, `public.${name}`] : [`public.${name}`]);
}
