//! Redis's protocol, as far as a test speaks it. Not the server's own client: what checks should not share the mistakes of what is checked.

use std::{io, time::Duration};

use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::TcpStream,
    time::timeout,
};

/// What an answer may take.
const ANSWER: Duration = Duration::from_secs(5);

/// What Redis answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// Nothing.
    Nil,
    /// An integer.
    Integer(i64),
    /// A string, of any bytes.
    Bytes(Vec<u8>),
    /// Several.
    Many(Vec<Self>),
    /// It did not.
    Error(String),
}

impl Reply {
    /// A string as text.
    pub fn text(&self) -> String {
        match self {
            Self::Bytes(bytes) => String::from_utf8_lossy(bytes).into_owned(),
            other => format!("{other:?}"),
        }
    }

    /// Whether it is `OK`.
    pub fn is_ok(&self) -> bool {
        *self == Self::Bytes(b"OK".to_vec())
    }
}

/// Runs one command on a connection of its own.
///
/// # Errors
/// When there is no answer in time.
pub async fn call(port: u16, words: &[&[u8]]) -> io::Result<Reply> {
    let calling = async {
        let mut stream = BufReader::new(TcpStream::connect(("127.0.0.1", port)).await?);
        let mut request = format!("*{}\r\n", words.len()).into_bytes();
        for word in words {
            request.extend_from_slice(format!("${}\r\n", word.len()).as_bytes());
            request.extend_from_slice(word);
            request.extend_from_slice(b"\r\n");
        }
        stream.get_mut().write_all(&request).await?;
        read(&mut stream).await
    };
    timeout(ANSWER, calling).await?
}

async fn read(stream: &mut BufReader<TcpStream>) -> io::Result<Reply> {
    let mut line = String::new();
    if stream.read_line(&mut line).await? == 0 {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    let wrong = || io::Error::new(io::ErrorKind::InvalidData, line.clone());
    let rest = line.get(1..).unwrap_or_default().trim_end();
    let number = || rest.parse::<i64>().map_err(|_| wrong());
    Ok(match line.as_bytes()[0] {
        b'+' => Reply::Bytes(rest.as_bytes().to_vec()),
        b'-' => Reply::Error(rest.to_owned()),
        b':' => Reply::Integer(number()?),
        b'$' => match usize::try_from(number()?) {
            Err(_) => Reply::Nil,
            Ok(length) => {
                let mut bytes = vec![0; length + 2];
                stream.read_exact(&mut bytes).await?;
                bytes.truncate(length);
                Reply::Bytes(bytes)
            }
        },
        b'*' => match usize::try_from(number()?) {
            Err(_) => Reply::Nil,
            Ok(length) => {
                let mut items = Vec::new();
                for _ in 0..length {
                    items.push(Box::pin(read(stream)).await?);
                }
                Reply::Many(items)
            }
        },
        _ => return Err(wrong()),
    })
}
