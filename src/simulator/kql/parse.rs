//! Tokens → query.

use std::iter::Peekable;

use super::{NotUnderstood, lex::Token};

/// A source of rows, and what is done with them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Query {
    pub(super) table: String,
    pub(super) steps: Vec<Step>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Where(Expr),
    Project(Vec<(String, Expr)>),
    Away(Vec<String>),
    Extend(Vec<(String, Expr)>),
    Union(Vec<Query>),
    Order(Vec<(Expr, bool)>), // true: ascending
    Limit(usize),
    Count,
    CountBy(Vec<(String, Expr)>, String),
    Distinct(Vec<(String, Expr)>),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Expr {
    Text(String),
    Number(i64),
    Bool(bool),
    Path(Vec<String>),
    Call(String, Vec<Expr>),
    Compare(String, Box<Expr>, Vec<Expr>),
    All(Vec<Expr>),
    Any(Vec<Expr>),
}

const FUNCTIONS: [&str; 9] =
    ["tolower", "toupper", "tostring", "tobool", "isempty", "isnotempty", "isnull", "isnotnull", "not"];
const WORDS: [&str; 10] =
    ["in", "in~", "!in", "!in~", "contains", "!contains", "startswith", "!startswith", "endswith", "!endswith"];

pub(super) fn query(tokens: Vec<Token>) -> Result<Query, NotUnderstood> {
    let mut parser = Parser { tokens: tokens.into_iter().peekable(), depth: 0 };
    let query = parser.query()?;
    match parser.tokens.next() {
        None => Ok(query),
        Some(token) => Err(unexpected(&token)),
    }
}

/// So deep a query may be nested. Ours: real ones have two or three brackets in one another.
const DEPTH_MAX: usize = 64;

struct Parser {
    tokens: Peekable<std::vec::IntoIter<Token>>,
    depth: usize,
}

fn unexpected(token: &Token) -> NotUnderstood {
    NotUnderstood(match token {
        Token::Word(word) => format!("`{word}` is not understood here"),
        Token::Text(text) => format!("the text `{text}` is not understood here"),
        Token::Number(number) => format!("the number {number} is not understood here"),
        Token::Mark(mark) => format!("`{mark}` is not understood here"),
    })
}

impl Parser {
    /// Whatever lies within what is being read.
    fn within<T>(&mut self, read: impl FnOnce(&mut Self) -> Result<T, NotUnderstood>) -> Result<T, NotUnderstood> {
        if self.depth == DEPTH_MAX {
            return Err(NotUnderstood(format!(
                "brackets more than {DEPTH_MAX} deep are not understood by the simulator"
            )));
        }
        self.depth += 1;
        let found = read(self);
        self.depth -= 1;
        found
    }

    fn query(&mut self) -> Result<Query, NotUnderstood> {
        let table = self.word()?.to_ascii_lowercase();
        let mut steps = Vec::new();
        while self.took("|") {
            steps.push(self.step()?);
        }
        Ok(Query { table, steps })
    }

    fn step(&mut self) -> Result<Step, NotUnderstood> {
        let word = self.word()?;
        match word.to_ascii_lowercase().as_str() {
            "where" | "filter" => self.expr().map(Step::Where),
            "project" => self.columns().map(Step::Project),
            "project-away" => self.many(Self::word).map(Step::Away),
            "extend" => self.columns().map(Step::Extend),
            "distinct" => self.columns().map(Step::Distinct),
            "union" => self.many(Self::subquery).map(Step::Union),
            "order" | "sort" => {
                self.expect_word("by")?;
                self.many(Self::order).map(Step::Order)
            }
            "limit" | "take" => match self.next()? {
                Token::Number(number) => Ok(Step::Limit(usize::try_from(number).unwrap_or(usize::MAX))),
                token => Err(unexpected(&token)),
            },
            "count" => Ok(Step::Count),
            "summarize" => self.summarize(),
            _ => Err(NotUnderstood(format!("the operator `{word}` is not understood by the simulator"))),
        }
    }

    fn subquery(&mut self) -> Result<Query, NotUnderstood> {
        if !self.took("(") {
            return Ok(Query { table: self.word()?.to_ascii_lowercase(), steps: Vec::new() });
        }
        let query = self.within(Self::query)?;
        self.expect(")")?;
        Ok(query)
    }

    fn order(&mut self) -> Result<(Expr, bool), NotUnderstood> {
        let column = self.primary()?;
        let direction = self.tokens.next_if(
            |token| matches!(token, Token::Word(word) if ["asc", "desc"].contains(&word.to_ascii_lowercase().as_str())),
        );
        Ok((column, matches!(direction, Some(Token::Word(word)) if word.eq_ignore_ascii_case("asc"))))
    }

    fn summarize(&mut self) -> Result<Step, NotUnderstood> {
        let mut word = self.word()?;
        let mut name = "count_".to_owned();
        if self.took("=") {
            name = std::mem::replace(&mut word, self.word()?);
        }
        if !word.eq_ignore_ascii_case("count") {
            return Err(NotUnderstood(format!("`summarize {word}` is not understood by the simulator")));
        }
        self.expect("(")?;
        self.expect(")")?;
        let by = self.tokens.next_if(|token| matches!(token, Token::Word(word) if word.eq_ignore_ascii_case("by")));
        let by = if by.is_some() { self.columns()? } else { Vec::new() };
        Ok(Step::CountBy(by, name))
    }

    fn columns(&mut self) -> Result<Vec<(String, Expr)>, NotUnderstood> {
        self.many(|parser| {
            let expr = parser.expr()?;
            if !parser.took("=") {
                return Ok((name_of(&expr), expr));
            }
            match expr {
                Expr::Path(path) if path.len() == 1 => Ok((path.concat(), parser.expr()?)),
                _ => Err(unexpected(&Token::Mark("="))),
            }
        })
    }

    fn expr(&mut self) -> Result<Expr, NotUnderstood> {
        let mut any = vec![self.all()?];
        while self.took_word("or") {
            any.push(self.all()?);
        }
        Ok(if any.len() == 1 { any.remove(0) } else { Expr::Any(any) })
    }

    fn all(&mut self) -> Result<Expr, NotUnderstood> {
        let mut all = vec![self.comparison()?];
        while self.took_word("and") {
            all.push(self.comparison()?);
        }
        Ok(if all.len() == 1 { all.remove(0) } else { Expr::All(all) })
    }

    fn comparison(&mut self) -> Result<Expr, NotUnderstood> {
        let left = self.primary()?;
        let operator = match self.tokens.peek() {
            Some(Token::Mark(mark @ ("==" | "!=" | "=~" | "!~"))) => (*mark).to_owned(),
            Some(Token::Word(word)) if WORDS.contains(&word.to_ascii_lowercase().as_str()) => word.to_ascii_lowercase(),
            _ => return Ok(left),
        };
        self.next()?;
        if operator.trim_start_matches('!').starts_with("in") {
            self.expect("(")?;
            let list = self.many(Self::primary)?;
            self.expect(")")?;
            return Ok(Expr::Compare(operator, Box::new(left), list));
        }
        let right = self.primary()?;
        Ok(Expr::Compare(operator, Box::new(left), vec![right]))
    }

    fn primary(&mut self) -> Result<Expr, NotUnderstood> {
        match self.next()? {
            Token::Text(text) => Ok(Expr::Text(text)),
            Token::Number(number) => Ok(Expr::Number(number)),
            Token::Mark("(") => {
                let expr = self.within(Self::expr)?;
                self.expect(")")?;
                Ok(expr)
            }
            Token::Word(word) if word.eq_ignore_ascii_case("true") => Ok(Expr::Bool(true)),
            Token::Word(word) if word.eq_ignore_ascii_case("false") => Ok(Expr::Bool(false)),
            Token::Word(word) if self.took("(") => {
                let name = word.to_ascii_lowercase();
                if !FUNCTIONS.contains(&name.as_str()) {
                    return Err(NotUnderstood(format!("the function `{word}` is not understood by the simulator")));
                }
                let arguments = self.within(|parser| parser.many(Self::expr))?;
                self.expect(")")?;
                Ok(Expr::Call(name, arguments))
            }
            Token::Word(word) => self.path(word),
            token @ Token::Mark(_) => Err(unexpected(&token)),
        }
    }

    fn path(&mut self, first: String) -> Result<Expr, NotUnderstood> {
        let mut path = vec![first];
        loop {
            if self.took(".") {
                path.push(self.word()?);
            } else if self.took("[") {
                match self.next()? {
                    Token::Text(text) => path.push(text),
                    token => return Err(unexpected(&token)),
                }
                self.expect("]")?;
            } else {
                return Ok(Expr::Path(path));
            }
        }
    }

    fn many<T>(&mut self, mut one: impl FnMut(&mut Self) -> Result<T, NotUnderstood>) -> Result<Vec<T>, NotUnderstood> {
        let mut many = vec![one(self)?];
        while self.took(",") {
            many.push(one(self)?);
        }
        Ok(many)
    }

    fn next(&mut self) -> Result<Token, NotUnderstood> {
        self.tokens.next().ok_or_else(|| NotUnderstood("the query ends too soon".to_owned()))
    }

    fn word(&mut self) -> Result<String, NotUnderstood> {
        match self.next()? {
            Token::Word(word) => Ok(word),
            token => Err(unexpected(&token)),
        }
    }

    fn expect_word(&mut self, expected: &str) -> Result<(), NotUnderstood> {
        let word = self.word()?;
        if word.eq_ignore_ascii_case(expected) { Ok(()) } else { Err(unexpected(&Token::Word(word))) }
    }

    fn expect(&mut self, mark: &str) -> Result<(), NotUnderstood> {
        match self.next()? {
            Token::Mark(found) if found == mark => Ok(()),
            token => Err(unexpected(&token)),
        }
    }

    fn took(&mut self, mark: &str) -> bool {
        self.tokens.next_if(|token| matches!(token, Token::Mark(found) if *found == mark)).is_some()
    }

    fn took_word(&mut self, expected: &str) -> bool {
        let is = |token: &Token| matches!(token, Token::Word(word) if word.eq_ignore_ascii_case(expected));
        self.tokens.next_if(is).is_some()
    }
}

/// The column that an expression without a name becomes: `properties.a` → `properties_a`.
fn name_of(expr: &Expr) -> String {
    match expr {
        Expr::Path(path) => path.join("_"),
        Expr::Call(_, arguments) => arguments.first().map(name_of).unwrap_or_default(),
        _ => "Column1".to_owned(),
    }
}
