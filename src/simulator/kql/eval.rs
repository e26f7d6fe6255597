//! Query + tables → rows.

use std::{
    cmp::Ordering,
    collections::{BTreeMap, BTreeSet},
};

use serde_json::{Value, json};

use super::{
    NotUnderstood, Row, Tables,
    parse::{Expr, Query, Step},
};

pub(super) fn run(query: &Query, tables: &dyn Tables) -> Result<Vec<Row>, NotUnderstood> {
    let table = &query.table;
    let rows = tables.rows(table);
    let mut rows = rows.ok_or_else(|| NotUnderstood(format!("the table `{table}` is not known to the simulator")))?;
    for step in &query.steps {
        rows = apply(step, rows, tables)?;
    }
    Ok(rows)
}

fn apply(step: &Step, mut rows: Vec<Row>, tables: &dyn Tables) -> Result<Vec<Row>, NotUnderstood> {
    match step {
        Step::Where(condition) => {
            let mut kept = Vec::with_capacity(rows.len());
            for row in rows {
                if truth(&value(condition, &row)?) {
                    kept.push(row);
                }
            }
            Ok(kept)
        }
        Step::Project(columns) => rows.iter().map(|row| project(columns, row)).collect(),
        Step::Away(columns) => {
            let is_there = |column: &&String| rows.is_empty() || rows.iter().any(|row| row.contains_key(*column));
            if let Some(column) = columns.iter().find(|column| !is_there(column)) {
                return Err(NotUnderstood(format!("the column `{column}` is not there")));
            }
            for row in &mut rows {
                row.retain(|column, _| !columns.contains(column));
            }
            Ok(rows)
        }
        Step::Extend(columns) => {
            for row in &mut rows {
                let mut added = project(columns, row)?;
                row.append(&mut added);
            }
            Ok(rows)
        }
        Step::Union(queries) => union(rows, queries, tables),
        Step::Order(keys) => order(rows, keys),
        Step::Limit(most) => {
            rows.truncate(*most);
            Ok(rows)
        }
        Step::Count => Ok(vec![Row::from_iter([("Count".to_owned(), json!(rows.len()))])]),
        Step::CountBy(by, name) => {
            let mut counts: BTreeMap<String, (Row, u64)> = BTreeMap::new();
            for row in &rows {
                let key = project(by, row)?;
                counts.entry(json!(key).to_string()).or_insert((key, 0)).1 += 1;
            }
            if by.is_empty() {
                counts.entry(String::new()).or_insert((Row::new(), 0)).1 = rows.len() as u64;
                counts.retain(|key, _| key.is_empty());
            }
            let counted = |(mut row, count): (Row, u64)| {
                row.insert(name.clone(), json!(count));
                row
            };
            Ok(counts.into_values().map(counted).collect())
        }
        Step::Distinct(columns) => {
            let mut seen = BTreeSet::new();
            let mut kept = Vec::new();
            for row in &rows {
                let row = project(columns, row)?;
                if seen.insert(json!(row).to_string()) {
                    kept.push(row);
                }
            }
            Ok(kept)
        }
    }
}

fn project(columns: &[(String, Expr)], row: &Row) -> Result<Row, NotUnderstood> {
    columns.iter().map(|(name, expr)| Ok((name.clone(), value(expr, row)?))).collect()
}

/// Rows of all; each has every column of any, null where it had none.
fn union(mut rows: Vec<Row>, queries: &[Query], tables: &dyn Tables) -> Result<Vec<Row>, NotUnderstood> {
    for query in queries {
        rows.extend(run(query, tables)?);
    }
    let columns: BTreeSet<String> = rows.iter().flat_map(|row| row.keys().cloned()).collect();
    for row in &mut rows {
        for column in &columns {
            if !row.contains_key(column) {
                row.insert(column.clone(), Value::Null);
            }
        }
    }
    Ok(rows)
}

fn order(rows: Vec<Row>, keys: &[(Expr, bool)]) -> Result<Vec<Row>, NotUnderstood> {
    let mut keyed = Vec::with_capacity(rows.len());
    for row in rows {
        let key: Vec<Value> = keys.iter().map(|(expr, _)| value(expr, &row)).collect::<Result<_, _>>()?;
        keyed.push((key, row));
    }
    keyed.sort_by(|(a, _), (b, _)| {
        let each = a.iter().zip(b).zip(keys).map(|((a, b), (_, ascending))| {
            let ordering = compare(a, b);
            if *ascending { ordering } else { ordering.reverse() }
        });
        each.fold(Ordering::Equal, Ordering::then)
    });
    Ok(keyed.into_iter().map(|(_, row)| row).collect())
}

/// Null first, then numbers, then text.
fn compare(a: &Value, b: &Value) -> Ordering {
    match (a, b) {
        (Value::Null, Value::Null) => Ordering::Equal,
        (Value::Null, _) => Ordering::Less,
        (_, Value::Null) => Ordering::Greater,
        (Value::Number(a), Value::Number(b)) => {
            a.as_f64().unwrap_or_default().total_cmp(&b.as_f64().unwrap_or_default())
        }
        _ => text(a).cmp(&text(b)),
    }
}

fn value(expr: &Expr, row: &Row) -> Result<Value, NotUnderstood> {
    Ok(match expr {
        Expr::Text(text) => json!(text),
        Expr::Number(number) => json!(number),
        Expr::Bool(bool) => json!(bool),
        Expr::Path(path) => at(path, row)?,
        Expr::Any(any) => {
            for expr in any {
                if truth(&value(expr, row)?) {
                    return Ok(json!(true));
                }
            }
            json!(false)
        }
        Expr::All(all) => {
            for expr in all {
                if !truth(&value(expr, row)?) {
                    return Ok(json!(false));
                }
            }
            json!(true)
        }
        Expr::Compare(operator, left, right) => {
            let left = value(left, row)?;
            let mut hit = false;
            for right in right {
                hit |= holds(operator.trim_start_matches('!'), &left, &value(right, row)?);
            }
            json!(hit != operator.starts_with('!'))
        }
        Expr::Call(function, arguments) => {
            let [argument] = arguments.as_slice() else {
                return Err(NotUnderstood(format!("`{function}` takes one argument here")));
            };
            let argument = value(argument, row)?;
            match function.as_str() {
                "tolower" => json!(text(&argument).to_lowercase()),
                "toupper" => json!(text(&argument).to_uppercase()),
                "tostring" => json!(text(&argument)),
                "tobool" => match text(&argument).to_ascii_lowercase().as_str() {
                    "true" | "1" => json!(true),
                    "false" | "0" => json!(false),
                    _ => Value::Null,
                },
                "isempty" => json!(text(&argument).is_empty()),
                "isnotempty" => json!(!text(&argument).is_empty()),
                "isnull" => json!(argument.is_null()),
                "isnotnull" => json!(!argument.is_null()),
                _ => json!(!truth(&argument)),
            }
        }
    })
}

/// A column must be there; what lies inside one need not.
fn at(path: &[String], row: &Row) -> Result<Value, NotUnderstood> {
    let mut parts = path.iter();
    let column = parts.next().map(String::as_str).unwrap_or_default();
    let found =
        row.get(column).or_else(|| row.iter().find(|(key, _)| key.eq_ignore_ascii_case(column)).map(|(_, v)| v));
    let mut found = found.ok_or_else(|| NotUnderstood(format!("the column `{column}` is not there")))?;
    for part in parts {
        match found.get(part) {
            Some(inner) => found = inner,
            None => return Ok(Value::Null),
        }
    }
    Ok(found.clone())
}

fn holds(operator: &str, left: &Value, right: &Value) -> bool {
    let fold = |value: &Value| text(value).to_lowercase();
    match operator {
        // `!=` comes here as `=`
        "==" | "=" | "in" => {
            left == right || left.is_string() != right.is_string() && text(left) == text(right) && !left.is_null()
        }
        "=~" | "~" | "in~" => fold(left) == fold(right),
        "contains" => fold(left).contains(&fold(right)),
        "startswith" => fold(left).starts_with(&fold(right)),
        "endswith" => fold(left).ends_with(&fold(right)),
        _ => false,
    }
}

fn truth(value: &Value) -> bool {
    value.as_bool().unwrap_or(false)
}

fn text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
